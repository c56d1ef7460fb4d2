// What a client is told that follows what happens, and what it is refused.
import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { AppOptions } from '../app.ts'
import { readConfig } from '../../src/config.ts'
import { decider } from '../../src/definitions/decider/decider.ts'
import { events, spec } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { account } from '../../src/test-support/account.ts'
import { appendAsOther } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { type EventReader, eventsOf } from '../../src/test-support/event-stream.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { answerOf, type Client, expectProblem, type Headers_, openClient } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'

const Cart = events('cart', { Filled: z.object({}), Emptied: z.object({}) })
const cart = decider(Cart, {
  initial: {},
  evolve: { Filled: state => state, Emptied: state => state },
  commands: { fill: z.object({}), empty: z.object({}) },
  decide: { fill: () => Cart.Filled({}), empty: () => Cart.Emptied({}) },
})

afterEach(cleanUp)

const openCarts = (options: Partial<AppOptions> = {}): Client => openClient({ serve: [account, cart], ...options })

async function follow({ app }: Client, query = '', headers: Headers_ = {}): Promise<EventReader> {
  const response = await app.request(`/events${query}`, { headers })
  expect(response.status).toBe(200)
  const reader = eventsOf(response)
  cleanUpLater(() => reader.cancel())
  await until('it has begun', () => reader.retry() !== null)
  return reader
}

/** Three events of an account, one of a cart; positions 1 to 4. */
async function appendSome({ post }: Client): Promise<void> {
  await post('/account/a1/deposit', { cents: 5, times: 2 })
  await post('/account/a2/deposit', { cents: 7 })
  await post('/cart/c1/fill')
}
const ids = ({ events }: EventReader) => events.map(({ id }) => Number(id))
const awaitPositions = (reader: EventReader, ...positions: number[]) =>
  until(`${positions} are there`, () => ids(reader).join() === positions.join())

describe('a client that follows events', () => {
  test('GET /events sends each event as a CloudEvent, with its position as id', async () => {
    const one = openCarts()
    const { body } = await one.post('/account/a1/deposit', { cents: 5 }, { 'X-Correlation-Id': 'c-1', 'X-Causation-Id': 'c-2' })
    const reader = await follow(one, '?after=0')
    await awaitPositions(reader, 1)
    const [{ id, type, data }] = reader.events as [EventReader['events'][number]]
    expect([id, type]).toEqual(['1', 'account.Deposited'])
    const [stored] = await one.store.readAll({ after: 0, limit: 1 })
    expect(JSON.parse(data)).toEqual({
      specversion: '1.0',
      id: stored!.id,
      source: `urn:uuid:${one.store.identity.id}`,
      type: 'account.Deposited',
      subject: 'account-a1',
      time: stored!.at,
      partitionkey: 'account-a1',
      globalposition: '1',
      streamversion: 1,
      schemaversion: stored!.schema,
      correlationid: 'c-1',
      causationid: 'c-2',
      datacontenttype: 'application/json',
      data: (body as { events: { data: unknown }[] }).events[0]!.data,
    })
  })

  test('GET /events sends the trace and the actor of an event that has them', async () => {
    const one = openCarts({ actor: () => 'ann' })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await one.post('/account/a1/deposit', { cents: 5 }, { traceparent })
    const reader = await follow(one, '?after=0')
    await awaitPositions(reader, 1)
    expect(JSON.parse(reader.events[0]!.data)).toMatchObject({ traceparent, actor: 'ann' })
  })

  test('GET /events answers with headers that stop proxies from buffering, changing or caching it', async () => {
    const { app } = openCarts()
    const { status, headers, body } = await app.request('/events')
    await body!.cancel()
    expect([status, headers.get('content-type'), headers.get('cache-control'), headers.get('x-accel-buffering')]).toEqual([
      200,
      'text/event-stream',
      'no-cache, no-transform',
      'no',
    ])
    expect(headers.get('content-encoding')).toBeNull()
  })

  test('GET /events first sends the time to reconnect and the position', async () => {
    const one = openCarts()
    await appendSome(one)
    const reader = await follow(one)
    expect([reader.retry(), reader.lastId(), reader.events]).toEqual([2_000, '4', []])
  })

  test('GET /events without a position begins with the next event', async () => {
    const one = openCarts()
    await appendSome(one)
    const reader = await follow(one)
    await one.post('/cart/c2/fill')
    await one.post('/account/a1/deposit', { cents: 1, times: 3 })
    await awaitPositions(reader, 5, 6, 7, 8)
  })

  test('GET /events begins behind ?after=, or behind Last-Event-ID on a reconnect', async () => {
    const one = openCarts()
    await appendSome(one)
    await awaitPositions(await follow(one, '?after=0'), 1, 2, 3, 4)
    await awaitPositions(await follow(one, '?after=3'), 4)
    await awaitPositions(await follow(one, '?after=0', { 'Last-Event-ID': '2' }), 3, 4)
    await awaitPositions(await follow(one, '', { 'Last-Event-ID': '0' }), 1, 2, 3, 4)
    await awaitPositions(await follow(one, '?after=3', { 'Last-Event-ID': '' }), 4)
    const last = await follow(one, '?after=4')
    await one.post('/cart/c2/fill')
    await awaitPositions(last, 5)
  })

  test('GET /events?correlation= sends all events of a correlation in order, and the position up to which it has looked', async () => {
    const one = openCarts()
    const send = (path: string, correlation: string) => one.post(path, { cents: 1 }, { 'X-Correlation-Id': correlation })
    await send('/account/a1/deposit', 'c-1')
    await send('/account/a1/deposit', 'c-2')
    await one.post('/cart/c1/fill', {}, { 'X-Correlation-Id': 'c-1' })
    await send('/account/a2/deposit', 'c-2')
    const [reader, other, both] = [
      await follow(one, '?after=0&correlation=c-1'),
      await follow(one, '?after=0&correlation=c-1&category=account'),
      await follow(one, '?after=0&correlation=c-1&correlation=c-2'),
    ]
    await Promise.all([
      send('/account/a3/deposit', 'c-1'),
      send('/account/a4/deposit', 'c-3'),
      send('/account/a5/deposit', 'c-1'),
    ])
    const log = await one.store.readAll({ after: 0, limit: 10 })
    const of = (...correlations: string[]) =>
      log.filter(({ meta }) => correlations.includes((JSON.parse(meta) as { correlation: string }).correlation))
    await awaitPositions(reader, ...of('c-1').map(({ position }) => position))
    const inAccounts = of('c-1').filter(({ stream }) => stream.startsWith('account-'))
    await awaitPositions(other, ...inAccounts.map(({ position }) => position))
    await awaitPositions(both, ...of('c-1', 'c-2').map(({ position }) => position))
    expect(log).toHaveLength(7)
    await send('/account/a4/deposit', 'c-3')
    await until('the position has moved on', () => reader.lastId() === '8')
  })

  test('GET /events sends what another process appends', async () => {
    const one = openCarts()
    const reader = await follow(one)
    await appendAsOther(one.store, 'account-a9')
    one.store.announce(1)
    await awaitPositions(reader, 1)
    await one.post('/cart/c1/fill')
    await awaitPositions(reader, 1, 2)
  })

  test('GET /events sends what was appended without a decision', async () => {
    const one = openCarts()
    const reader = await follow(one)
    const emaki = await one.app[spec].start()
    await emaki.append([{ stream: 'cart-c1', expect: 0, events: [Cart.Filled({}), Cart.Emptied({})] }])
    await awaitPositions(reader, 1, 2)
  })

  test('GET /events?after=0 on a long log sends every event in order', async () => {
    const one = openCarts()
    for (let i = 0; i < 12; i++) await one.post(`/account/a${i}/deposit`, { cents: 1, times: 250, note: 'x'.repeat(100) })
    const reader = await follow(one, '?after=0')
    await one.post('/cart/c1/fill')
    await until('all are there', () => reader.events.length === 3_001)
    expect(ids(reader)).toEqual(Array.from({ length: 3_001 }, (_, i) => i + 1))
  })

  test('GET /events sends an event that is larger than the buffer of a client', async () => {
    const one = openCarts()
    const reader = await follow(one)
    for (const note of ['é'.repeat(100_000), 'x'.repeat(300_000), '']) await one.post('/account/a1/deposit', { cents: 1, note })
    await awaitPositions(reader, 1, 2, 3)
    expect(JSON.parse(reader.events[0]!.data)).toMatchObject({ data: { note: 'é'.repeat(100_000) } })
  })

  test.each([
    ['?category=cart', [4, 8, 9]],
    ['?category=cart,account', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['?category=cart&category=account', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ['?type=Filled', [4, 8]],
    ['?type=cart.Filled,account.Withdrawn', [4, 8]],
    ['?type=account.Filled', []],
    ['?type=Deposited&stream=account-a2', [3, 7]],
    ['?stream=account-a1&stream=cart-c1', [1, 2, 4, 5, 6, 8, 9]],
    ['?category=account&stream=cart-c1', []],
    ['?category=', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])('GET /events%s sends %p, from the log and live', async (query, expected) => {
    const one = openCarts()
    await appendSome(one)
    const past = await follow(one, `${query}&after=0`)
    const live = await follow(one, query)
    await appendSome(one)
    await one.post('/cart/c1/empty')
    await awaitPositions(live, ...expected.filter(position => position > 4))
    await awaitPositions(past, ...expected)
  })

  test('a stopping process disconnects its followers with the time to reconnect, and refuses new ones', async () => {
    const one = openCarts()
    const readers = [await follow(one), await follow(one, '?type=Filled')]
    one.app[spec].disconnectFollowers()
    for (const reader of readers) {
      await until('it has ended', reader.hasEnded)
      expect(reader.retry()).toBeWithin(1_000, 3_001)
    }
    expectProblem(await one.get('/events'), 'not-ready', { detail: 'stopping' })
    expect(one.reported).toEqual([])
  })

  test('a follower is disconnected when the log cannot be read, and goes on at its position afterwards', async () => {
    const one = openCarts()
    await appendSome(one)
    one.store.next('readAll', failsBefore(), failsBefore())
    const first = await follow(one, '?after=1')
    await until('it has ended', first.hasEnded)
    const second = await follow(one, '', { 'Last-Event-ID': first.lastId() })
    await awaitPositions(second, 2, 3, 4)
    expect(first.events).toEqual([])
  })
})

describe('a request to follow events', () => {
  test.each(['x', '-1', '01', '1e3', '9007199254740992', '1.5'])('GET /events after %p answers 400', async after => {
    const { get } = openCarts()
    expectProblem(await get(`/events?after=${after}`), 'validation-failed', {
      errors: [{ pointer: '#/after', detail: expect.any(String) }],
    })
    expectProblem(await get('/events', { 'Last-Event-ID': after }), 'bad-header', { detail: expect.any(String) })
  })

  test.each(['1', '2.0', '7.1'])('GET /events after %p, above the head or of another epoch, answers 409 at once', async after => {
    const { get } = openCarts()
    expectProblem(await get(`/events?after=${after}`), 'unknown-position', { detail: expect.any(String) })
    expectProblem(await get('/events', { 'Last-Event-ID': after }), 'unknown-position', { detail: expect.any(String) })
  })

  test('GET /events after a position that the log has and this process has not read waits for it', async () => {
    const one = openCarts()
    const early = await follow(one)
    await appendAsOther(one.store, 'account-a1')
    const late = await follow(one, '?after=1')
    await one.post('/cart/c1/fill')
    await awaitPositions(late, 2)
    await awaitPositions(early, 1, 2)
  })

  test('GET /events of a restored log sends the epoch in its ids, and refuses an id of the old epoch', async () => {
    const log = memory()
    const restored: Store = { ...log, identity: { ...log.identity, epoch: 2 } }
    const one = openCarts({ store: restored })
    await appendSome(one)
    const reader = await follow(one, '?after=2.2')
    await until('all are there', () => reader.events.length === 2)
    expect([reader.events.map(({ id }) => id), reader.lastId()]).toEqual([['2.3', '2.4'], '2.4'])
    expect(JSON.parse(reader.events[0]!.data)).toMatchObject({ globalposition: '2.3' })
    for (const after of ['2', '1.2', '3.2'])
      expect((await one.get('/events', { 'Last-Event-ID': after })).status).toBe(after === '1.2' ? 400 : 409)
  })

  test('GET /events with a filter of too many values answers 400', async () => {
    const { get } = openCarts()
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`).join(',')
    expectProblem(await get(`/events?type=${many}`), 'validation-failed', {
      errors: [{ pointer: '#/type', detail: expect.any(String) }],
    })
  })

  test('GET /events answers 503 while the log cannot be reached', async () => {
    const one = openCarts()
    await one.app[spec].start()
    one.store.always('head', failsBefore())
    expectProblem(await one.get('/events'), 'unavailable')
    one.store.always('head', null)
    await follow(one)
  })
})

describe('events in production', () => {
  const production = { config: readConfig({ NODE_ENV: 'production' }) }
  const status = async (one: Client, query: string, headers: Headers_ = {}) => {
    const response = await one.app.request(`/events${query}`, { headers })
    await response.body?.cancel()
    return response.status
  }

  test('GET /events in production without a guard answers 403', async () => {
    expectProblem(await openCarts(production).get('/events'), 'forbidden', { detail: expect.any(String) })
  })

  test('GET /events in production answers those whom the guard permits', async () => {
    const one = openCarts({ ...production, guard: c => c.req.header('x-role') === 'admin' })
    expect([await status(one, ''), await status(one, '', { 'X-Role': 'admin' })]).toEqual([403, 200])
    const other = openCarts({ ...production, guard: c => c.text('no', 418) })
    expect(await status(other, '')).toBe(418)
  })

  test('GET /events in production answers the bearer of ADMIN_TOKEN', async () => {
    const one = openCarts({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) })
    expect(await status(one, '')).toBe(401)
    expect(await status(one, '', { Authorization: 'Bearer a-token-of-16-characters' })).toBe(200)
  })

  test.each([
    ['?category=cart', 200],
    ['?type=cart.Filled,cart.Emptied', 200],
    ['?stream=cart-c1&stream=cart-c2', 200],
    ['?category=cart,account&stream=cart-c1', 200],
    ['', 403],
    ['?category=cart,account', 403],
    ['?type=Filled', 403],
    ['?type=cart.Filled,Deposited', 403],
    ['?stream=cart-c1&stream=account-a1', 403],
    ['?stream=cart', 403],
    ['?category=x&type=cart.Filled', 403],
    ['?category=account&stream=cart-c1', 403],
    ['?category=x&type=cart.Filled&after=9000', 403],
  ])('GET /events%s in production, where carts are public, answers %p', async (query, expected) => {
    const one = openCarts({ ...production, publicStreams: [cart] })
    expect(await status(one, query)).toBe(expected)
  })

  test('GET /events of public streams in production sends no other events', async () => {
    const one = openCarts({ ...production, publicStreams: [cart] })
    await appendSome(one)
    const reader = await follow(one, '?after=0&category=cart,account&stream=cart-c1')
    await awaitPositions(reader, 4)
  })
})

test('HEAD /events answers without a body, and follows nothing', async () => {
  const one = openCarts()
  const { status, body } = await answerOf(await one.app.request('/events', { method: 'HEAD' }))
  expect([status, body]).toEqual([200, ''])
  expect((await one.app[spec].start()).tail.waiting).toBe(0)
})
