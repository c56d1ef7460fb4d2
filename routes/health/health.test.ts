import { describe, expect, spyOn, test } from 'bun:test'
import { spec } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import type { Notice } from '../../src/ports/report/notice.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import { type Fault, failsBefore } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { processor } from '../../src/definitions/processor.ts'
import { every } from '../../src/definitions/recurrence.ts'
import { schedule } from '../../src/definitions/schedule.ts'
import { looks, sets, shelves, Thing, thing, things } from '../../src/test-support/shop.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

const CHECKED = ['/ready', '/startup']

describe('GET /health', () => {
  test('GET /health answers 200 while the process can answer, whatever the store does', async () => {
    const { get, store, app } = client()
    for (const call of ['open', 'ping', 'load', 'read'] as const) store.always(call, failsBefore())
    const { status, body, headers } = await get('/health')
    expect([status, body, headers.get('cache-control')]).toEqual([200, { status: 'pass' }, 'no-store'])
    app[spec].drain()
    expect((await get('/health')).status).toBe(200)
    expect(store.calls.open).toBe(0)
  })
})

describe.each(CHECKED)('GET %s', path => {
  test(`GET ${path} answers 503 until the store is open, and 200 afterwards`, async () => {
    const { get, app, store } = client()
    const gate = store.hold('open')
    const starting = app[spec].start()
    const answer = await get(path)
    expectProblem(answer, 'not-ready', { detail: 'starting' })
    expect(answer.headers.get('retry-after')).toBe('1')
    gate.open()
    await starting
    const { status, body, headers } = await get(path)
    expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(body).toEqual({
      status: 'pass',
      checks: { store: [{ componentType: 'datastore', status: 'pass', system: 'memory' }] },
    })
  })

  test(`GET ${path} starts the app, as nothing else is requested before it is ready`, async () => {
    const { get, store } = client()
    expectProblem(await get(path), 'not-ready', { detail: 'starting' })
    await until('it is ready', async () => (await get(path)).status === 200)
    expect(store.calls.open).toBe(1)
  })

  test(`GET ${path} answers 503 while the store cannot be opened, and 200 once it can`, async () => {
    const { get, store } = client()
    store.next('open', failsBefore(), failsBefore())
    expectProblem(await get(path), 'not-ready', { detail: 'starting' })
    await until('it is ready', async () => (await get(path)).status === 200)
    expect(store.calls.open).toBe(3)
  })

  test(`GET ${path} answers 503 while the store does not answer`, async () => {
    const { get, app, store } = client()
    await app[spec].start()
    store.next('ping', failsBefore())
    const answer = await get(path)
    expectProblem(answer, 'not-ready', { detail: 'the store does not answer' })
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  test(`GET ${path} answers 503 with the reason while no command can be taken, and 200 once one can`, async () => {
    let now = 0
    const clock = spyOn(performance, 'now').mockImplementation(() => now)
    const { get, post, app, store, reported } = client()
    try {
      await app[spec].start()
      const full: Fault = () => Promise.reject(new StoreError('full', 'no room', { shown: 'the disk of the store is full' }))
      store.always('append', full)
      expectProblem(await post('/account/a1/deposit', { cents: 1 }), 'storage-full')
      now += 2_000
      // Nobody sends a command any more, and it is tried whether one could be taken.
      for (let i = 0; i < 3; i++) expectProblem(await get(path), 'not-ready', { detail: 'the disk of the store is full' })
      store.always('append', null)
      now += 2_000
      expect((await get(path)).status).toBe(200)
      expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
      expect(reported.map(problem => (problem as Notice).code)).toEqual(['retry-began', 'retry-ended'])
    } finally {
      clock.mockRestore()
    }
  })

  test(`GET ${path} answers 503 with the reason while a database is refused, and commands 503; one notice tells it`, async () => {
    const { get, post, store, reported } = client()
    const refused: Fault = () => Promise.reject(new StoreError('refused', 'fsync off', { shown: 'commits are not durable' }))
    store.always('open', refused)
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'unavailable')
    expect(answer.headers.get('retry-after')).toBe('1')
    expectProblem(await get(path), 'not-ready', { detail: 'starting: commits are not durable' })
    expect(reported).toMatchObject([{ code: 'retry-began', message: expect.stringContaining('fsync off') }])
    store.always('open', null)
    await until('it is ready', async () => (await get(path)).status === 200)
    expect(reported).toMatchObject([{ code: 'retry-began' }, { code: 'retry-ended' }])
  })

  test(`GET ${path} answers 503 while the store hangs`, async () => {
    const { get, app, store } = client()
    await app[spec].start()
    store.hold('ping')
    expectProblem(await get(path), 'not-ready', { detail: 'the store does not answer' })
  })

  test(`GET ${path} reads from the store at most once a second`, async () => {
    const { get, app, store } = client()
    await app[spec].start()
    for (let i = 0; i < 20; i++) expect((await get(path)).status).toBe(200)
    // The start asked once, too.
    expect(store.calls.ping).toBe(2)
  })

  test(`GET ${path} answers 503 once the app is to stop, while commands are still accepted`, async () => {
    const { get, post, app } = client()
    await app[spec].start()
    app[spec].drain()
    expectProblem(await get(path), 'not-ready', { detail: 'stopping' })
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })
})

describe('GET /ready for what reads the log', () => {
  test('GET /ready answers 200 with the lag and the parked keys of each subscription from the start', async () => {
    let now = Date.parse('2026-01-01')
    const inner = memory({ now: () => now })
    const until = (signal: AbortSignal) => new Promise((_, stop) => signal.addEventListener('abort', stop))
    const stuck = processor('stuck', { from: Thing, handle: (_, { signal }) => until(signal) })
    const options = { serve: [thing, things, shelves, stuck], store: inner, now: () => now, leaseMs: 600_000 }
    const shop = client(options)
    for (const command of ['poison', 'poison']) await shop.post(`/thing/a/${command}`)
    const unread = { id: Bun.randomUUIDv7(), type: 'Set', schema: 'newer', data: '{"name":7}', meta: '{}' }
    await inner.append([{ slices: [{ stream: 'thing-c', expect: 'any', events: [unread] }], keys: [] }])
    await shop.post('/thing/b/spoil')
    const emaki = await shop.app[spec].start()
    await untilProcessed(emaki, 4, ['things', 'shelves'])
    now += 90_000
    const { status, body } = await shop.get('/ready')
    const at = { componentType: 'component', status: 'pass' }
    const caughtUp = { ...at, position: 4, lagEvents: 0, lagSeconds: 0 }
    expect([status, body]).toMatchObject([200, { status: 'warn', parked: ['things_v1', 'shelves_v1'] }])
    expect([status, (body as { checks: object }).checks]).toMatchObject([
      200,
      {
        projections: [
          { ...caughtUp, status: 'warn', name: 'things', parkedKeys: 3, parkedStreams: 0 },
          { ...caughtUp, status: 'warn', name: 'shelves', parkedKeys: 0, parkedStreams: 1 },
        ],
        processors: [{ ...at, name: 'stuck', position: 0, lagEvents: 4, lagSeconds: 90, parkedKeys: 0, parkedStreams: 0 }],
      },
    ])
    // Who does not own them knows as much.
    const other = client(options)
    const elsewhere = await other.app[spec].start()
    const counts = { passedOver: 0, retrying: 0, isPaused: false }
    const ofRows = { position: 4, lagEvents: 0, lagSeconds: 0, ...counts, isOwner: false, failure: null, isServing: true }
    expect(await elsewhere.status()).toEqual([
      { ...ofRows, name: 'things_v1', definition: { kind: 'projection', name: 'things' }, parkedKeys: 3, parkedStreams: 0 },
      { ...ofRows, name: 'shelves_v1', definition: { kind: 'projection', name: 'shelves' }, parkedKeys: 0, parkedStreams: 1 },
      {
        ...{ name: 'stuck', definition: { kind: 'processor', name: 'stuck' }, isServing: true, isOwner: false, failure: null },
        ...counts,
        ...{ position: 0, lagEvents: 4, lagSeconds: 90, parkedKeys: 0, parkedStreams: 0 },
      },
    ])
    for (const { app } of [other, shop]) await app[spec].stop()
  })
})

test('GET /ready answers 200 with a warning while a schedule is paused, as for all that is paused', async () => {
  const nightly = schedule('nightly', { every: every('0 3 * * *', { zone: 'UTC' }), to: thing, send: () => [] })
  const shop = client({ serve: [thing, nightly], store: memory() })
  const emaki = await shop.app[spec].start()
  await until('it has begun', async () => (await emaki.status()).every(({ isOwner }) => isOwner))
  expect(await emaki.pause('nightly')).toBeTrue()
  const { status, body } = await shop.get('/ready')
  expect([status, body]).toMatchObject([200, { status: 'warn' }])
  const checked = { componentType: 'component', status: 'warn', name: 'nightly', isPaused: true }
  expect((body as { readonly checks: object }).checks).toMatchObject({ schedules: [checked] })
  await shop.app[spec].stop()
})

describe('rows that are still being built', () => {
  /** A projection that cannot commit until it may, over a log that is there already. */
  async function openBehind() {
    const inner = memory()
    const gate = Promise.withResolvers<void>()
    const commit: typeof inner.readModel.commit = async page => {
      await gate.promise
      return inner.readModel.commit(page)
    }
    const first = client({ serve: [thing], store: inner })
    await first.post('/thing/a/set', looks('apple'))
    const shop = client({ serve: [thing, things, sets], store: { ...inner, readModel: { ...inner.readModel, commit } } })
    await shop.app[spec].start()
    return { ...shop, open: gate.resolve }
  }
  const checksAt = (position: number, status: 'pass' | 'fail') => ({
    store: [{ componentType: 'datastore', status: 'pass', system: 'memory' }],
    projections: [
      {
        componentType: 'component',
        status,
        name: 'things',
        position,
        lagEvents: 1 - position,
        lagSeconds: expect.any(Number),
        parkedKeys: 0,
        parkedStreams: 0,
        retrying: 0,
      },
    ],
  })

  test('GET /ready answers 503 with the position of rows that are still being built, while GET /startup answers 200', async () => {
    const { get, open, app } = await openBehind()
    expectProblem(await get('/ready'), 'not-ready', { detail: 'rows are still being made', checks: checksAt(0, 'fail') })
    expect((await get('/startup')).status).toBe(200)
    expectProblem(await get('/things/a'), 'behind', {
      projection: 'things',
      position: 0,
      lagEvents: 0,
      detail: 'the rows are still being made',
      retryable: true,
    })
    open()
    await until('it is ready', async () => (await get('/ready')).status === 200)
    expect((await get('/ready')).body).toEqual({ status: 'pass', checks: checksAt(1, 'pass') })
    await app[spec].stop()
  })
})
