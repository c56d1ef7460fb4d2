// Whose an idempotency key and a scheduled command are.
import { afterEach, describe, expect, test } from 'bun:test'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { type Answer, expectProblem, type Headers_, openClient } from '../../src/test-support/http.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { until } from '../../src/test-support/servers/until.ts'

afterEach(cleanUp)

const openBank = (store = memory()) => openClient({ store, actor: c => c.req.header('x-user') ?? null })
const as = (user: string | null, headers: Headers_ = {}) => ({ ...(user !== null && { 'X-User': user }), ...headers })
const isReplayed = ({ headers }: Answer) => headers.get('idempotency-replayed') === 'true'
const hash = (text: string) => new Bun.CryptoHasher('sha256').update(text).digest('base64url')

describe('an idempotency key', () => {
  const KEY = { 'Idempotency-Key': '1' }

  test('a key that two actors choose is two keys, and each gets its own answer again', async () => {
    const { post } = openBank()
    for (const [user, cents] of [
      ['ada', 5],
      ['bob', 6],
      [null, 7],
    ] as const) {
      const send = () => post('/account/deposit', { cents }, as(user, KEY))
      const [first, again] = [await send(), await send()]
      expect([first.status, isReplayed(first), isReplayed(again)]).toEqual([201, false, true])
      expect(again.body).toEqual(first.body)
      expect(first.body).toMatchObject({ events: [{ data: { cents } }] })
    }
  })

  test('a key that another actor has used for another command is no key used again', async () => {
    const { post } = openBank()
    await post('/account/a1/deposit', { cents: 5 }, as('ada', KEY))
    expect((await post('/account/a2/deposit', { cents: 6 }, as('bob', KEY))).status).toBe(201)
    expectProblem(await post('/account/a2/deposit', { cents: 7 }, as('bob', KEY)), 'idempotency-key-reused')
  })

  test('a key that an anonymous caller makes of an actor and its key does not give the answer of the actor', async () => {
    const { post } = openBank()
    await post('/account/a1/deposit', { cents: 5 }, as('ada', KEY))
    for (const key of [`${hash('ada')}:1`, `actor:${hash('ada')}:1`, 'ada:1']) {
      const answer = await post('/account/a1/deposit', { cents: 5 }, { 'Idempotency-Key': key })
      expect([answer.status, isReplayed(answer)]).toEqual([200, false])
    }
  })

  test('a key of an actor costs no further call of the store', async () => {
    const callsOf = async (user: string | null) => {
      const { post, store } = openBank()
      await post('/account/a1/deposit', { cents: 5 }, as(user, KEY))
      return { ...store.calls }
    }
    expect(await callsOf('ada')).toEqual(await callsOf(null))
  })
})

describe('a scheduled command', () => {
  const LATER = { 'Schedule-At': '2099-01-31T12:00:00Z', 'Idempotency-Key': '1' }
  const schedule = async ({ post }: ReturnType<typeof openBank>, user: string | null, cents = 5) =>
    (await post('/account/a1/deposit', { cents }, as(user, LATER))).headers.get('location')!

  test('a scheduled command is shown to its owner, and nobody else finds or withdraws it', async () => {
    const bank = openBank()
    const location = await schedule(bank, 'ada')
    for (const other of ['bob', null]) {
      expectProblem(await bank.get(location, as(other)), 'command-not-found')
      expectProblem(await bank.ask(location, { method: 'DELETE', headers: as(other) }), 'command-not-found')
    }
    expect((await bank.get(location, as('ada'))).body).toMatchObject({ state: 'pending', command: 'account.deposit' })
    expect((await bank.ask(location, { method: 'DELETE', headers: as('ada') })).status).toBe(204)
  })

  test('a scheduled command that has begun is not found by another, and so is not told to have begun', async () => {
    const bank = openBank()
    const sent = await bank.post('/account/a1/deposit', { cents: 5 }, as('ada', { Prefer: 'respond-async' }))
    const location = sent.headers.get('location')!
    await until('it has ended', async () => 'outcome' in ((await bank.get(location, as('ada'))).body as object))
    expectProblem(await bank.ask(location, { method: 'DELETE', headers: as('bob') }), 'command-not-found')
    expectProblem(await bank.ask(location, { method: 'DELETE', headers: as('ada') }), 'command-begun')
  })

  test('a key by which two actors schedule is two commands, and each gets its own again', async () => {
    const bank = openBank()
    const locations = [await schedule(bank, 'ada', 5), await schedule(bank, 'bob', 6), await schedule(bank, null, 7)]
    expect(new Set(locations).size).toBe(3)
    expect(await schedule(bank, 'ada', 5)).toBe(locations[0]!)
    expect(await schedule(bank, null, 7)).toBe(locations[2]!)
  })

  test('a scheduled command of an anonymous caller is found by its id, which no key leads to', async () => {
    const [bank, elsewhere] = [openBank(), openBank()]
    const location = await schedule(bank, null)
    expect((await bank.get(location)).status).toBe(200)
    const id = location.slice('/commands/'.length)
    const known = [
      await schedule(elsewhere, null),
      `/commands/${id.split('.')[0]}`,
      `/commands/${id.slice(0, -1)}`,
      `${location}0`,
    ]
    for (const guess of [...known, `/commands/${hash('account.deposit:1')}`])
      expectProblem(await bank.get(guess), 'command-not-found')
  })

  test('a scheduled command that an earlier release stored is found by its id, and only by its owner', async () => {
    const store = memory()
    await store.open()
    const meta = JSON.stringify({ actor: 'ada', correlation: 'c', causation: 'c', key: '1', fingerprint: 'f' })
    const command = JSON.stringify({ decider: 'account', command: 'deposit', id: 'a1', data: { cents: 5 } })
    const entry = { id: 'old', owner: 'commands', key: '', timer: null, command, meta, due: Date.parse('2099-01-31'), set: 0 }
    await store.agenda.schedule(entry)
    const { get } = openBank(store)
    expect((await get('/commands/old', as('ada'))).status).toBe(200)
    expectProblem(await get('/commands/old', as('bob')), 'command-not-found')
  })
})

describe('an actor', () => {
  const REFUSED = [
    ['process:fulfilment', "an actor that begins with process: is Emaki's own"],
    ['processor:mails', "an actor that begins with processor: is Emaki's own"],
    ['inbox:payments', "an actor that begins with inbox: is Emaki's own"],
    ['x'.repeat(401), 'an actor has at most 400 characters, and this has 401'],
    ['', 'an actor is a text of 1 to 400 characters'],
  ] as const

  test.each(REFUSED)(
    'an actor that no caller can be is refused for commands and scheduled commands: %j',
    async (actor, detail) => {
      const { post, get, ask, store } = openClient({ actor: () => actor })
      for (const answer of [
        await post('/account/a1/deposit', { cents: 5 }),
        await post('/account/deposit', { cents: 5 }, { Prefer: 'respond-async' }),
        await get('/commands/c1'),
        await ask('/commands/c1', { method: 'DELETE' }),
      ])
        expectProblem(answer, 'actor-refused', { detail })
      expect(store.calls.append).toBe(0)
    },
  )

  test('an actor that no caller can be is reported once for an app, with what mends it', async () => {
    const { post, reported } = openBank()
    for (const user of ['process:a', 'ada', 'process:b']) await post('/account/a1/deposit', { cents: 5 }, as(user))
    expect(reported).toMatchObject([{ level: 'warn', code: 'actor-refused', fields: { path: '/account/a1/deposit' } }])
    expect(String(reported[0])).toContain('Let it give null, or another name.')
  })
})
