import { afterAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { memoryCache } from '../../src/ports/cache/memory.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { type Answer, expectProblem, openClient } from '../../src/test-support/http.ts'
import { thing, things } from '../../src/test-support/shop.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

afterAll(cleanUp)

const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
type Shown = {
  readonly checks: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>
  readonly failing: object[]
  readonly stalls: object[]
}
const shownIn = ({ body }: Answer) => body as Shown

describe('GET /ready?verbose', () => {
  test('GET /ready?verbose lists the store, the log, each subscription and each cache, since when it is so', async () => {
    const { app, get, post } = openClient({
      serve: [thing, things],
      cache: () => memoryCache({ now: Date.now }),
      cdn: { purge: async () => {}, purgeAll: async () => {} },
    })
    await post('/thing/a/set', { name: 'x', shelf: 'top', price: 1, rare: false })
    await untilProcessed(await app[spec].start(), 1)
    const { status, body } = await get('/ready?verbose')
    const part = { componentType: 'component', status: 'pass', since: TIME }
    expect([status, body]).toEqual([
      200,
      {
        status: 'pass',
        checks: {
          store: [{ componentType: 'datastore', status: 'pass', system: 'memory', since: TIME }],
          log: [{ ...part, name: 'log', head: 1, id: expect.any(String), epoch: 1 }],
          projections: [
            {
              ...{ ...part, name: 'things', subscription: 'things_v1', isOwner: true },
              ...{ position: 1, lagEvents: 0, lagSeconds: 0, parkedKeys: 0, parkedStreams: 0, retrying: 0 },
            },
          ],
          promises: ['order', 'freshness', 'clock', 'immutability', 'rows', 'once'].map(name => ({ ...part, name, breaches: 0 })),
          caches: ['memory', 'shared', 'cdn'].map(name => ({ ...part, name })),
        },
        failing: [],
        stalls: [],
      },
    ])
  })

  test('GET /ready?verbose names the promise of which the store keeps a breach, with its last record, and warns', async () => {
    const { app, get } = openClient({ serve: [thing], report: () => {} })
    const { store, promises } = await app[spec].start()
    const found = { promise: 'rows', subject: 'things_v1 a', message: 'The row is wrong.', foundBy: 'audit', at: 1 } as const
    await store.promises.addBreach(found)
    await promises.step()
    const { status, body } = await get('/ready?verbose')
    const { checks } = body as Shown
    expect([status, body]).toMatchObject([200, { status: 'warn' }])
    const lastError = { code: 'promise-broken', message: expect.stringContaining('The row is wrong.') }
    expect(checks['promises']!.find(({ name }) => name === 'rows')).toMatchObject({ status: 'warn', breaches: 1, lastError })
    expect((await get('/ready')).body).toMatchObject({ status: 'warn' })
  })

  test('GET /ready?verbose shows no password that stands in an error of a check, of its record or of what fails', async () => {
    const check = () => {
      throw new Error('cannot reach postgres://me:geheim@db/x')
    }
    const { app, get } = openClient({ serve: [thing], checks: { partner: check }, report: () => {} })
    await app[spec].start()
    const { body } = await get('/ready?verbose')
    expect(JSON.stringify(body)).not.toContain('geheim')
    const error = 'cannot reach postgres://me:***@db/x'
    expect(body).toMatchObject({ checks: { own: [{ error, lastError: { message: error } }] }, failing: [{ error }] })
  })

  test('GET /ready?verbose says of what is parked since when, and why', async () => {
    const { app, get, post } = openClient({ serve: [thing, things] })
    const emaki = await app[spec].start()
    await post('/thing/a/poison')
    await untilProcessed(emaki, 1)
    const [rows] = shownIn(await get('/ready?verbose')).checks['projections']!
    expect(rows).toMatchObject({
      ...{ status: 'warn', parkedKeys: expect.any(Number), since: TIME },
      lastError: { at: TIME, code: expect.stringMatching(/^keys?-parked$/), message: expect.any(String) },
    })
  })

  test('GET /ready?verbose says what stands still, with its cause and what mends it, and nobody else is told', async () => {
    const { app, get, post } = openClient({ serve: [thing, things] })
    const emaki = await app[spec].start()
    await post('/thing/a/poison')
    await untilProcessed(emaki, 1)
    const { stalls } = shownIn(await get('/ready?verbose'))
    expect(stalls).toMatchObject([
      { cause: 'parked', subject: 'things_v1', ended: null, sentence: expect.stringContaining('poison'), chain: [] },
    ])
    expect(stalls).toMatchObject([{ since: TIME, mend: expect.stringContaining('unpark things a') }])
    expect((await get('/ready')).body).not.toHaveProperty('stalls')
  })

  test('GET /ready?verbose says which store fails, since when and why, while /ready says no more than before', async () => {
    const { app, get, post, store } = openClient()
    await app[spec].start()
    const full = () => Promise.reject(new StoreError('full', 'no room on /var', { shown: 'the disk of the store is full' }))
    store.always('append', full)
    expectProblem(await post('/account/a1/deposit', { cents: 1 }), 'storage-full')
    expectProblem(await get('/ready'), 'not-ready', { detail: 'the disk of the store is full' })
    const answer = await get('/ready?verbose')
    const { checks, failing } = shownIn(answer)
    expect([answer.status, checks['store']]).toEqual([
      503,
      [
        {
          ...{ componentType: 'datastore', status: 'fail', system: 'memory', since: TIME },
          lastError: { at: TIME, code: 'retry-began', message: 'no room on /var', since: TIME, failures: expect.any(Number) },
        },
      ],
    ])
    const began = (checks['store']![0]!['lastError'] as { readonly since: string }).since
    const error = { error: 'no room on /var', errorAt: TIME, failures: expect.any(Number) }
    expect(failing).toEqual([{ what: 'The log takes no commands', since: began, ...error, fields: { store: 'memory' } }])
    expect(checks['store']![0]!['since']).toBe(began)
  })

  test('GET /ready?verbose says why an app cannot start', async () => {
    const { get, store } = openClient()
    store.always('open', failsBefore())
    await get('/ready')
    const answer = await get('/ready?verbose')
    expect([answer.status, shownIn(answer).failing]).toMatchObject([503, [{ what: 'The app could not start', since: TIME }]])
  })

  test('GET /ready?verbose is for who may read the log, while /ready stays open', async () => {
    const token = 'a-token-of-16-characters'
    const closed = openClient({ config: readConfig({ NODE_ENV: 'production' }) })
    expectProblem(await closed.get('/ready?verbose'), 'forbidden', { detail: expect.any(String) })
    expect((await closed.get('/ready')).status).toBe(503)
    const guarded = openClient({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: token }) })
    await guarded.app[spec].start()
    expect((await guarded.get('/ready?verbose=1')).status).toBe(401)
    expect((await guarded.get('/ready')).status).toBe(200)
    expect((await guarded.get('/ready?verbose', { Authorization: `Bearer ${token}` })).status).toBe(200)
    const own = openClient({ guard: c => c.req.header('x-operator') === 'yes' })
    await own.app[spec].start()
    expect((await own.get('/ready?verbose')).status).toBe(403)
    expect((await own.get('/ready?verbose', { 'X-Operator': 'yes' })).status).toBe(200)
  })
})

describe('a check of an app', () => {
  test('a check that fails is shown by /ready?verbose with its error, and takes no node out of rotation', async () => {
    const { app, get } = openClient({ checks: { mail: () => Promise.reject(new Error('no route to mail')), files: () => {} } })
    await app[spec].start()
    const { status, body } = await get('/ready?verbose')
    const own = { componentType: 'component', since: TIME, isRequired: false }
    const lastError = { at: TIME, code: 'retry-began', message: 'no route to mail', since: TIME, failures: 1 }
    expect([status, (body as { readonly status: string }).status, (body as Shown).checks['own']]).toEqual([
      200,
      'warn',
      [
        { ...own, name: 'mail', status: 'warn', error: 'no route to mail', lastError },
        { ...own, name: 'files', status: 'pass' },
      ],
    ])
    expect((await get('/ready')).body).toEqual({
      status: 'pass',
      checks: { store: [{ componentType: 'datastore', status: 'pass', system: 'memory' }] },
    })
  })

  test('a check that fails otherwise than at first is shown by /ready?verbose with its latest error, since when and how often', async () => {
    let error = 'no route to mail'
    const mail = { run: () => Promise.reject(new Error(error)), keepMs: 0 }
    const { app, get } = openClient({ checks: { mail }, report: () => {} })
    await app[spec].start()
    const first = shownIn(await get('/ready?verbose'))
    error = 'mail wants a password'
    const then = shownIn(await get('/ready?verbose'))
    const { since } = (first.failing as { readonly since: string }[])[0]!
    expect(then.checks['own']).toMatchObject([{ error, lastError: { message: error, since, failures: 2 } }])
    expect(then.failing).toMatchObject([{ error, since, errorAt: TIME, failures: 2 }])
  })

  test('a required check that fails makes /ready 503 by name, and shows its error only to operators', async () => {
    let isAway = true
    const mail = { run: () => !isAway, isRequired: true, keepMs: 0 }
    const { app, get } = openClient({ checks: { mail } })
    await app[spec].start()
    const answer = await get('/ready')
    expect(answer.body).toMatchObject({
      detail: 'checks of the app fail: mail',
      checks: { own: [{ name: 'mail', status: 'fail' }] },
    })
    expect([answer.status, JSON.stringify(answer.body)]).toEqual([503, expect.not.stringContaining('it gave false')])
    expect(shownIn(await get('/ready?verbose')).checks['own']).toMatchObject([{ status: 'fail', error: 'it gave false' }])
    for (const path of ['/startup', '/health']) expect([path, (await get(path)).status]).toEqual([path, 200])
    isAway = false
    expect((await get('/ready')).status).toBe(200)
  })
})
