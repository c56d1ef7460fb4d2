// Two callers on one app: what a rule refuses is refused by every way to it.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { allow } from '../src/definitions/access/allow.ts'
import { memory } from '../src/ports/store/memory.ts'
import { decider } from '../src/definitions/decider/decider.ts'
import { query } from '../src/definitions/query.ts'
import { events, spec } from '../src/definitions/event/events.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { diary, note, notes, ofOneself, written } from '../src/test-support/diary.ts'
import { type Answer, type Client, expectProblem, type Headers_, openClient } from '../src/test-support/http.ts'
import { untilProcessed } from '../src/test-support/until-processed.ts'
import type { AppOptions } from './app.ts'

afterEach(cleanUp)

/** The caller and its role are headers, as a proxy that knows them would set them. */
const actor: NonNullable<AppOptions['actor']> = c => {
  const id = c.req.header('x-user')
  return id === undefined ? null : { id, claims: { role: c.req.header('x-role') } }
}
const openDiary = (options: Partial<AppOptions> = {}): Client =>
  openClient({ serve: diary, actor, authorize: ofOneself, ...options })

/** Asks as a caller. */
function as(one: Client, user: string | null, role?: string) {
  const headers: Headers_ = { ...(user !== null && { 'X-User': user }), ...(role !== undefined && { 'X-Role': role }) }
  return {
    get: (path: string, more: Headers_ = {}) => one.get(path, { ...headers, ...more }),
    post: (path: string, body: object = {}, more: Headers_ = {}) => one.post(path, body, { ...headers, ...more }),
  }
}

/** Ada has written the notes a1 and a2, Bob b1. */
async function openWritten(options: Partial<AppOptions> = {}) {
  const one = openDiary(options)
  const [ada, bob, nobody] = [as(one, 'ada'), as(one, 'bob'), as(one, null)]
  for (const [who, id] of [
    ['ada', 'a1'],
    ['ada', 'a2'],
    ['bob', 'b1'],
  ] as const)
    expect((await as(one, who).post(`/note/${id}/write`, { owner: who, text: `of ${who}` })).status).toBe(201)
  await untilProcessed(await one.app[spec].start(), 3)
  return { one, ada, bob, nobody, auditor: as(one, 'eve', 'auditor') }
}

const isForbidden = (answer: Answer) => expectProblem(answer, 'forbidden', { detail: expect.stringMatching(/rule/) })

describe('a command with a rule', () => {
  test('a caller whom the rule refuses gets a 403, and nothing is appended', async () => {
    const { one, bob, nobody } = await openWritten()
    isForbidden(await bob.post('/note/b2/write', { owner: 'ada', text: 'as if of ada' }))
    isForbidden(await nobody.post('/note/b2/write', { owner: 'ada', text: '' }))
    expect(await one.store.head()).toBe(3)
  })

  test('a caller who may not know that an instance exists gets the answer of one that does not exist', async () => {
    const { one, bob } = await openWritten()
    const [there, missing] = [await bob.post('/note/a1/change', { text: 'x' }), await bob.post('/note/c9/change', { text: 'x' })]
    expectProblem(there, 'stream-not-found')
    expectProblem(missing, 'stream-not-found')
    // Nor does an expectation tell.
    expectProblem(await bob.post('/note/a1/change', { text: 'x' }, { 'If-Match': '"7"' }), 'stream-not-found')
    expectProblem(await bob.post('/note/a1/write', { owner: 'bob', text: 'mine' }), 'stream-not-found')
    expect(await one.store.head()).toBe(3)
  })

  test('a command without a rule is refused to everybody once the app has rules', async () => {
    const { ada } = await openWritten()
    isForbidden(await ada.post('/note/a1/audit'))
  })

  test('a rule is asked about the state on which the command is decided', async () => {
    const { ada } = await openWritten()
    const answers = await Promise.all([1, 2, 3].map(n => ada.post('/note/a1/change', { text: `${n}` })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
  })

  test('a caller is not refused by a state that another process has changed since', async () => {
    const store = memory()
    const [one, other] = [openDiary({ store }), openDiary({ store })]
    const [here, there] = [as(one, 'bob'), as(other, 'ada')]
    expectProblem(await here.post('/note/a1/change', { text: 'x' }), 'stream-not-found')
    expect((await there.post('/note/a1/write', { owner: 'ada', text: '' })).status).toBe(201)
    // This process knows the note as that of nobody, or of Ada, to whom it belonged before.
    expect((await as(one, 'ada').post('/note/a1/change', { text: 'y' })).status).toBe(200)
    expect((await there.post('/note/a1/write', { owner: 'bob', text: 'given away' })).status).toBe(200)
    expect((await here.post('/note/a1/change', { text: 'z' })).status).toBe(200)
  })

  test('a caller is not refused by a state that is only assumed, because such commands mostly begin a stream', async () => {
    const store = memory()
    const [one, other] = [openDiary({ store }), openDiary({ store })]
    for (let i = 0; i < 50; i++) await as(one, 'ada').post(`/note/n${i}/write`, { owner: 'ada', text: '' })
    // It is written by another process, and then again by this one, whose rule passes only owners of what is there.
    await as(other, 'ada').post('/note/late/write', { owner: 'ada', text: '' })
    expect((await as(one, 'ada').post('/note/late/write', { owner: 'eve', text: 'given away' })).status).toBe(200)
  })

  test('whoever a rule refuses is recorded by command, stream and caller, also where the command would be sent later', async () => {
    const { one, bob, nobody } = await openWritten()
    await bob.post('/note/a1/change', { text: 'x' }, { 'X-Correlation-Id': 'c1' })
    await nobody.post('/note/c9/write', { owner: 'ada', text: '' })
    const later = { 'Schedule-At': '2100-01-01T00:00:00Z', 'X-Correlation-Id': 'c3' }
    await bob.post('/note/a2/drop', {}, later)
    const emaki = await one.app.runtime()
    expect(await emaki.refusals()).toMatchObject([
      { by: 'rule', command: 'note.drop', stream: 'note-a2', actor: 'bob', code: 'hidden', correlation: 'c3' },
      { by: 'rule', command: 'note.write', stream: 'note-c9', actor: null, code: 'forbidden', text: null },
      { by: 'rule', command: 'note.change', stream: 'note-a1', actor: 'bob', code: 'hidden', correlation: 'c1' },
    ])
  })

  test('a command that is sent later is refused when it is given', async () => {
    const { one, ada, bob } = await openWritten()
    expectProblem(await bob.post('/note/a1/change', { text: 'x' }, { Prefer: 'respond-async' }), 'stream-not-found')
    expect((await ada.post('/note/a1/change', { text: 'y' }, { 'Schedule-At': '2100-01-01T00:00:00Z' })).status).toBe(202)
    expect(await one.store.head()).toBe(3)
  })

  test('a caller that repeats its command with its key gets its answer of before, also where the rule would refuse it now', async () => {
    const rules = [allow(note, { commands: { write: ({ state }) => state.owner === null } })]
    const ada = as(openDiary({ authorize: rules }), 'ada')
    const write = (key: string) => ada.post('/note/a3/write', { owner: 'ada', text: 't' }, { 'Idempotency-Key': key })
    expect((await write('k')).status).toBe(201)
    const again = await write('k')
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([201, 'true'])
    isForbidden(await write('other'))
  })

  test('the state after a command is not shown to a caller who may not see it', async () => {
    const rules = [allow(note, { commands: 'all' })]
    const one = openClient({ serve: diary, actor, authorize: rules })
    const { status, body } = await as(one, 'ada').post(
      '/note/a1/write',
      { owner: 'ada', text: '' },
      { Prefer: 'return=representation' },
    )
    expect([status, body]).toEqual([201, expect.not.objectContaining({ state: expect.anything() })])
  })

  test('a caller whom the rule refuses starts no preparation', async () => {
    const prepared: string[] = []
    const Paid = events('bill', { Paid: z.object({}) })
    const bill = decider(Paid, {
      initial: {},
      evolve: { Paid: state => state },
      commands: { pay: z.object({}) },
      prepare: { pay: async (_, { instance }) => prepared.push(instance) },
      decide: { pay: () => Paid.Paid({}) },
    })
    const authorize = [allow(bill, ({ actor }) => actor?.id === 'ada')]
    const one = openClient({ serve: [bill], actor, authorize })
    isForbidden(await as(one, 'bob').post('/bill/b1/pay'))
    expect((await as(one, 'ada').post('/bill/b2/pay')).status).toBe(201)
    expect(prepared).toEqual(['b2'])
  })

  test.each([
    ['undefined', undefined],
    ['null', null],
    ['a text', 'yes'],
    ['an object', {}],
    ['a promise of true', Promise.resolve(true)],
  ])('a rule that gives %s lets nobody pass, by no way', async (_, verdict) => {
    const rule = () => verdict as never
    const authorize = [
      allow(note, { commands: rule, state: rule, stream: rule, events: rule }),
      allow(notes, rule),
      allow(written, rule),
    ]
    const ada = as(openDiary({ authorize }), 'ada')
    const data = { owner: 'ada', text: '' }
    isForbidden(await ada.post('/note/a1/write', data))
    isForbidden(await ada.post('/note/a1/write', data, { 'Idempotency-Key': 'k' }))
    isForbidden(await ada.post('/note/a1/write', data, { Prefer: 'respond-async' }))
    for (const path of [
      '/note/a1',
      '/streams/note-a1',
      '/notes',
      '/notes/a1',
      '/notes-written?owner=ada',
      '/events?stream=note-a1',
      '/events?category=note',
    ])
      isForbidden(await ada.get(path))
  })

  test('a rule is asked about the data that the schema of the command gives', async () => {
    const Sent = events('transfer', { Sent: z.object({ to: z.string(), amount: z.number() }) })
    const transfer = decider(Sent, {
      initial: {},
      evolve: { Sent: state => state },
      commands: { send: z.object({ to: z.string().trim().toLowerCase(), amount: z.coerce.number().default(1_000) }) },
      decide: { send: (_, data) => Sent.Sent(data) },
    })
    const authorize = [allow(transfer, { commands: { send: ({ data }) => data.to !== 'treasury' && data.amount <= 100 } })]
    const ada = as(openClient({ serve: [transfer], actor, authorize }), 'ada')
    isForbidden(await ada.post('/transfer/t1/send', { to: ' Treasury', amount: 1 }))
    isForbidden(await ada.post('/transfer/t1/send', { to: 'x' }))
    expect((await ada.post('/transfer/t1/send', { to: 'x', amount: '5' })).status).toBe(201)
  })

  test('a rule that throws fails the command, and lets nobody pass', async () => {
    const rules = [
      allow(note, () => {
        throw new Error('a rule of the app')
      }),
    ]
    const one = openClient({ serve: diary, actor, authorize: rules })
    expect((await as(one, 'ada').post('/note/a1/write', { owner: 'ada', text: '' })).status).toBe(500)
    expect((await as(one, 'ada').get('/note/a1')).status).toBe(500)
    expect((await as(one, 'ada').get('/streams/note-a1')).status).toBe(500)
  })
})

describe('what a caller may see', () => {
  test('two callers see their own states, streams and rows, and get the answer of missing ones for those of others', async () => {
    const { ada, bob, nobody } = await openWritten()
    for (const path of ['/note/a1', '/streams/note-a1', '/notes/a1', '/note/a1?version=1']) {
      expect([path, (await ada.get(path)).status]).toEqual([path, 200])
      for (const other of [bob, nobody]) {
        const [there, missing] = [await other.get(path), await other.get(path.replace('a1', 'zz'))]
        expect([path, there.status, missing.status]).toEqual([
          path,
          other === nobody && path === '/notes/a1' ? 403 : 404,
          other === nobody && path === '/notes/a1' ? 403 : 404,
        ])
        expect((there.body as { readonly type: string }).type).toBe((missing.body as { readonly type: string }).type)
      }
    }
  })

  test('a query is answered to those whom its rule passes, and no cache may give its answer to others', async () => {
    const { ada, bob } = await openWritten()
    for (const _ of ['made', 'kept']) {
      const { status, body, headers } = await ada.get('/notes-written?owner=ada')
      expect([status, body, headers.get('cache-control'), headers.get('cdn-cache-control')]).toEqual([
        200,
        2,
        'private, no-cache',
        null,
      ])
      isForbidden(await bob.get('/notes-written?owner=ada'))
    }
  })

  test('a query whose parameters have one text answers each caller for itself', async () => {
    const setOf = query('set-of', {
      params: z.object({ owner: z.string().transform(owner => new Set([owner])) }),
      cache: { ttl: '5 minutes' },
      run: async ({ owner }) => [...owner],
    })
    const authorize = [
      allow(setOf, ({ actor, params }) => actor !== null && (params.owner as unknown as Set<string>).has(actor.id)),
    ]
    const one = openClient({ serve: [setOf], actor, authorize })
    for (const who of ['bob', 'ada', 'bob']) expect((await as(one, who).get(`/set-of?owner=${who}`)).body).toEqual([who])
    isForbidden(await as(one, 'ada').get('/set-of?owner=bob'))
  })

  test('a page of a stream that a rule has opened is kept by no browser for its next user', async () => {
    const { ada } = await openWritten()
    const { headers } = await ada.get('/streams/note-a1?limit=1')
    expect(headers.get('cache-control')).toBe('private, no-cache')
  })

  test('a guard opens the log by true, and by no other value', async () => {
    const { bob } = await openWritten({ guard: () => 'no' as never })
    expect((await bob.get('/streams/note-a1')).status).toBe(404)
    expect((await bob.get('/events')).status).toBe(403)
  })

  test.each([Number.NaN, new Date('x'), '2030-01-01'])(
    'credentials that end at %p fail the request, and open nothing for ever',
    async until => {
      const one = openClient({
        serve: diary,
        actor: () => ({ id: 'ada', until: until as never }),
        authorize: [allow(note, 'all')],
      })
      expect((await one.get('/events?category=note')).status).toBe(500)
    },
  )

  test('an earlier state of an instance is shown to those who may see its present one', async () => {
    const { ada, bob } = await openWritten()
    expect((await ada.get('/note/a1?version=1')).body).toEqual({ owner: 'ada', text: 'of ada' })
    expectProblem(await bob.get('/note/a1?version=1'), 'stream-not-found')
  })

  test('a definition without rules is refused once the app has any', async () => {
    const one = openClient({ serve: diary, actor, authorize: [allow(note, 'all')] })
    const ada = as(one, 'ada')
    expect((await ada.post('/note/a1/write', { owner: 'ada', text: '' })).status).toBe(201)
    for (const path of ['/notes/a1', '/notes', '/notes/a1/events', '/notes-written?owner=ada']) isForbidden(await ada.get(path))
    for (const path of ['/note/a1', '/streams/note-a1']) expect((await ada.get(path)).status).toBe(200)
  })

  test('a rule `read` refuses a row by its key, and a list', async () => {
    const rules = [allow(notes, { read: ({ key }) => key === 'a1' }), allow(note, 'all')]
    const { ada } = await openWritten({ authorize: rules })
    expect((await ada.get('/notes/a1')).status).toBe(200)
    for (const path of ['/notes/a2', '/notes', '/notes/a2/events']) isForbidden(await ada.get(path))
  })

  test('a guard opens the log to those whom no rule passes', async () => {
    const { bob } = await openWritten({ guard: c => c.req.header('x-user') === 'bob' })
    expect((await bob.get('/streams/note-a1')).status).toBe(200)
  })

  test('an app with rules opens the log to nobody on this machine by itself', async () => {
    const { one } = await openWritten()
    isForbidden(await one.get('/streams/process-x'))
    isForbidden(await one.get('/events'))
  })
})

describe('the rows that a caller sees', () => {
  type Page = { readonly items: readonly { readonly key: string }[]; readonly next: string | null; readonly count?: number }
  const pageOf = ({ body }: Answer) => {
    const { items, next, count } = body as Page
    return { keys: items.map(({ key }) => key), next, count }
  }

  test('lists, pages, counts and cursors hold only what the caller sees, whatever it asks for', async () => {
    const { ada, bob, nobody, auditor } = await openWritten()
    const of = async (who: typeof ada, query: string) => pageOf(await who.get(`/notes?count=true&${query}`))
    expect(await of(ada, '')).toEqual({ keys: ['a1', 'a2'], next: null, count: 2 })
    expect(await of(bob, 'sort=-owner')).toEqual({ keys: ['b1'], next: null, count: 1 })
    expect(await of(bob, 'owner=ada')).toEqual({ keys: [], next: null, count: 0 })
    expect(await of(bob, 'owner=bob')).toEqual({ keys: ['b1'], next: null, count: 1 })
    expect(await of(auditor, '')).toEqual({ keys: ['a1', 'a2', 'b1'], next: null, count: 3 })
    const first = await of(ada, 'limit=1')
    expect(first).toEqual({ keys: ['a1'], next: expect.any(String), count: 2 })
    // A cursor of another caller is no way to its rows.
    expect(await of(bob, `limit=1&cursor=${first.next}`)).toEqual({ keys: ['b1'], next: null, count: 1 })
    isForbidden(await nobody.get('/notes'))
  })

  test.each([
    ['an unknown owner', { owner: undefined }],
    ['a condition without a value', { owner: { eq: undefined } }],
    ['no condition on the owner', { owner: {} }],
    ['nothing', {}],
    ['a field without an index', { text: 'x' }],
    ['a value of the wrong kind', { times: 'x' }],
  ])('a rule `visible` that gives %s fails the request, and shows no row', async (_, where) => {
    const { ada } = await openWritten({ authorize: [allow(note, 'all'), allow(notes, { visible: () => where as never })] })
    for (const path of ['/notes', '/notes/a1', '/notes/a1/events'])
      expect([path, (await ada.get(path)).status]).toEqual([path, 500])
  })

  test.each([
    ['several values', { owner: { in: ['ada', 'eve'] } }, ['a1', 'a2']],
    ['a bound', { times: { gte: 2 } }, []],
    ['a prefix', { owner: { prefix: 'b' } }, ['b1']],
  ])('a rule `visible` may give %s of an index, for lists and for single rows', async (_, where, keys) => {
    const { ada } = await openWritten({ authorize: [allow(note, 'all'), allow(notes, { visible: () => where as never })] })
    expect(pageOf(await ada.get('/notes')).keys).toEqual([...keys])
    for (const key of ['a1', 'a2', 'b1'])
      expect((await ada.get(`/notes/${key}`)).status).toBe((keys as string[]).includes(key) ? 200 : 404)
  })
})

describe('rules that cannot hold', () => {
  test.each([
    [
      'of a definition that is not served',
      () => [allow(written, 'all')],
      'authorize: the app does not serve the query notes-written',
    ],
    ['twice for one definition', () => [allow(note, 'all'), allow(note, 'all')], 'authorize has two values for the decider note'],
    [
      'with a part that there is not',
      () => [allow(note, { reads: 'all' } as never)],
      'allow(note): a decider has no reads; there are commands, state, stream, events',
    ],
    ['that say nothing', () => [allow(note, undefined as never)], "allow(note): expected a function, 'all', or rules by name"],
    ['without any', () => [allow(notes, {})], 'allow(notes) has no rule'],
    [
      'whose part is undefined',
      () => [allow(notes, { visible: undefined as never })],
      "allow(notes): visible is no function and not 'all', but undefined",
    ],
    [
      'whose command has null',
      () => [allow(note, { commands: { drop: null as never } })],
      "allow(note): drop is no function and not 'all', but null",
    ],
    [
      'with a command that there is not',
      () => [allow(note, { commands: { shout: 'all' } as never })],
      'allow(note): there is no command shout; there are write, change, drop, audit',
    ],
  ])('rules %s are refused when the app is made', (_, authorize, message) => {
    expect(() => openClient({ serve: [note], authorize: authorize() })).toThrow(message)
  })
})
