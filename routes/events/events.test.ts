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
import { type EventReader, eventsOf } from '../../src/test-support/event-stream.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { answerOf, type Client, client, expectProblem, type Headers_ } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'

const Cart = events('cart', { Filled: z.object({}), Emptied: z.object({}) })
const cart = decider(Cart, {
  initial: {},
  evolve: { Filled: state => state, Emptied: state => state },
  commands: { fill: z.object({}), empty: z.object({}) },
  decide: { fill: () => Cart.Filled({}), empty: () => Cart.Emptied({}) },
})

const left: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of left.splice(0)) await undo()
})

function made(options: Partial<AppOptions> = {}): Client {
  const made = client({ serve: [account, cart], ...options })
  left.push(() => made.app[spec].stop())
  return made
}

async function follow({ app }: Client, query = '', headers: Headers_ = {}): Promise<EventReader> {
  const response = await app.request(`/events${query}`, { headers })
  expect(response.status).toBe(200)
  const reader = eventsOf(response)
  left.push(() => reader.cancel())
  await until('it has begun', () => reader.retry() !== null)
  return reader
}

/** Three events of an account, one of a cart; positions 1 to 4. */
async function some({ post }: Client): Promise<void> {
  await post('/account/a1/deposit', { cents: 5, times: 2 })
  await post('/account/a2/deposit', { cents: 7 })
  await post('/cart/c1/fill')
}
const ids = ({ events }: EventReader) => events.map(({ id }) => Number(id))
const has = (reader: EventReader, ...positions: number[]) =>
  until(`${positions} are there`, () => ids(reader).join() === positions.join())

describe('who follows events', () => {
  test('is told of each as a CloudEvent, with its position as id', async () => {
    const one = made()
    const { body } = await one.post('/account/a1/deposit', { cents: 5 }, { 'X-Correlation-Id': 'c-1', 'X-Causation-Id': 'c-2' })
    const reader = await follow(one, '?after=0')
    await has(reader, 1)
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

  test('gets the trace and the actor where they are known', async () => {
    const one = made({ actor: () => 'ann' })
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await one.post('/account/a1/deposit', { cents: 5 }, { traceparent })
    const reader = await follow(one, '?after=0')
    await has(reader, 1)
    expect(JSON.parse(reader.events[0]!.data)).toMatchObject({ traceparent, actor: 'ann' })
  })

  test('is answered with what keeps others from holding it back, changing or keeping it', async () => {
    const { app } = made()
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

  test('is told at once when to come back, and from where', async () => {
    const one = made()
    await some(one)
    const reader = await follow(one)
    expect([reader.retry(), reader.lastId(), reader.events]).toEqual([2_000, '4', []])
  })

  test('begins with what happens from now on', async () => {
    const one = made()
    await some(one)
    const reader = await follow(one)
    await one.post('/cart/c2/fill')
    await one.post('/account/a1/deposit', { cents: 1, times: 3 })
    await has(reader, 5, 6, 7, 8)
  })

  test('goes on behind ?after=, or behind Last-Event-ID where it comes back', async () => {
    const one = made()
    await some(one)
    await has(await follow(one, '?after=0'), 1, 2, 3, 4)
    await has(await follow(one, '?after=3'), 4)
    await has(await follow(one, '?after=0', { 'Last-Event-ID': '2' }), 3, 4)
    await has(await follow(one, '', { 'Last-Event-ID': '0' }), 1, 2, 3, 4)
    await has(await follow(one, '?after=3', { 'Last-Event-ID': '' }), 4)
    const last = await follow(one, '?after=4')
    await one.post('/cart/c2/fill')
    await has(last, 5)
  })

  test('is told of what another process appends, too', async () => {
    const one = made()
    const reader = await follow(one)
    await appendAsOther(one.store, 'account-a9')
    one.store.announce(1)
    await has(reader, 1)
    await one.post('/cart/c1/fill')
    await has(reader, 1, 2)
  })

  test('is told of what was appended without a decision', async () => {
    const one = made()
    const reader = await follow(one)
    const emaki = await one.app[spec].start()
    await emaki.append([{ stream: 'cart-c1', expect: 0, events: [Cart.Filled({}), Cart.Emptied({})] }])
    await has(reader, 1, 2)
  })

  test('gets a long log whole and in order', async () => {
    const one = made()
    for (let i = 0; i < 12; i++) await one.post(`/account/a${i}/deposit`, { cents: 1, times: 250, note: 'x'.repeat(100) })
    const reader = await follow(one, '?after=0')
    await one.post('/cart/c1/fill')
    await until('all are there', () => reader.events.length === 3_001)
    expect(ids(reader)).toEqual(Array.from({ length: 3_001 }, (_, i) => i + 1))
  })

  test('gets an event that is larger than all that is held for one', async () => {
    const one = made()
    const reader = await follow(one)
    for (const note of ['é'.repeat(100_000), 'x'.repeat(300_000), '']) await one.post('/account/a1/deposit', { cents: 1, note })
    await has(reader, 1, 2, 3)
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
  ])('with %s gets %p, be it from the log or as it happens', async (query, expected) => {
    const one = made()
    await some(one)
    const past = await follow(one, `${query}&after=0`)
    const live = await follow(one, query)
    await some(one)
    await one.post('/cart/c1/empty')
    await has(live, ...expected.filter(position => position > 4))
    await has(past, ...expected)
  })

  test('is sent away when the process stops, is told when to come back, and is refused from then on', async () => {
    const one = made()
    const readers = [await follow(one), await follow(one, '?type=Filled')]
    one.app[spec].disconnectFollowers()
    for (const reader of readers) {
      await until('it has ended', reader.hasEnded)
      expect(reader.retry()).toBeWithin(1_000, 3_001)
    }
    expectProblem(await one.get('/events'), 'not-ready', { detail: 'stopping' })
    expect(one.reported).toEqual([])
  })

  test('is let go where the log cannot be read, and goes on where it was when it comes back', async () => {
    const one = made()
    await some(one)
    one.store.next('readAll', failsBefore(), failsBefore())
    const first = await follow(one, '?after=1')
    await until('it has ended', first.hasEnded)
    const second = await follow(one, '', { 'Last-Event-ID': first.lastId() })
    await has(second, 2, 3, 4)
    expect(first.events).toEqual([])
  })
})

describe('who wants to follow events', () => {
  test.each(['x', '-1', '01', '1e3', '9007199254740992', '1.5'])('is refused after %p', async after => {
    const { get } = made()
    expectProblem(await get(`/events?after=${after}`), 'validation-failed', {
      errors: [{ pointer: '#/after', detail: expect.any(String) }],
    })
    expectProblem(await get('/events', { 'Last-Event-ID': after }), 'bad-header', { detail: expect.any(String) })
  })

  test.each(['1', '2.0', '7.1'])(
    'is refused after %p, which is above the head or of another epoch, and not kept waiting',
    async after => {
      const { get } = made()
      expectProblem(await get(`/events?after=${after}`), 'unknown-position', { detail: expect.any(String) })
      expectProblem(await get('/events', { 'Last-Event-ID': after }), 'unknown-position', { detail: expect.any(String) })
    },
  )

  test('after what this process has not seen yet, but the log has, waits for it', async () => {
    const one = made()
    const early = await follow(one)
    await appendAsOther(one.store, 'account-a1')
    const late = await follow(one, '?after=1')
    await one.post('/cart/c1/fill')
    await has(late, 2)
    await has(early, 1, 2)
  })

  test('of a log that was restored has the epoch in its ids, and is refused with one of before', async () => {
    const log = memory()
    const restored: Store = { ...log, identity: { ...log.identity, epoch: 2 } }
    const one = made({ store: restored })
    await some(one)
    const reader = await follow(one, '?after=2.2')
    await until('all are there', () => reader.events.length === 2)
    expect([reader.events.map(({ id }) => id), reader.lastId()]).toEqual([['2.3', '2.4'], '2.4'])
    expect(JSON.parse(reader.events[0]!.data)).toMatchObject({ globalposition: '2.3' })
    for (const after of ['2', '1.2', '3.2'])
      expect((await one.get('/events', { 'Last-Event-ID': after })).status).toBe(after === '1.2' ? 400 : 409)
  })

  test('is refused a filter of more values than are looked at', async () => {
    const { get } = made()
    const many = Array.from({ length: 101 }, (_, i) => `t${i}`).join(',')
    expectProblem(await get(`/events?type=${many}`), 'validation-failed', {
      errors: [{ pointer: '#/type', detail: expect.any(String) }],
    })
  })

  test('is refused while the log cannot be reached', async () => {
    const one = made()
    await one.app[spec].start()
    one.store.next('head', failsBefore())
    expectProblem(await one.get('/events'), 'unavailable')
    await follow(one)
  })
})

describe('in production events', () => {
  const production = { config: readConfig({ NODE_ENV: 'production' }) }
  const status = async (one: Client, query: string, headers: Headers_ = {}) => {
    const response = await one.app.request(`/events${query}`, { headers })
    await response.body?.cancel()
    return response.status
  }

  test('are closed', async () => {
    expectProblem(await made(production).get('/events'), 'forbidden')
  })

  test('are open to whoever the guard lets pass', async () => {
    const one = made({ ...production, guard: c => c.req.header('x-role') === 'admin' })
    expect([await status(one, ''), await status(one, '', { 'X-Role': 'admin' })]).toEqual([403, 200])
    const other = made({ ...production, guard: c => c.text('no', 418) })
    expect(await status(other, '')).toBe(418)
  })

  test('are open to a bearer of ADMIN_TOKEN', async () => {
    const one = made({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) })
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
  ])('of public streams only are open to anybody: %s is %p', async (query, expected) => {
    const one = made({ ...production, publicStreams: [cart] })
    expect(await status(one, query)).toBe(expected)
  })

  test('of public streams show nothing else', async () => {
    const one = made({ ...production, publicStreams: [cart] })
    await some(one)
    const reader = await follow(one, '?after=0&category=cart,account&stream=cart-c1')
    await has(reader, 4)
  })
})

test('a HEAD is answered without a body, and follows nothing', async () => {
  const one = made()
  const { status, body } = await answerOf(await one.app.request('/events', { method: 'HEAD' }))
  expect([status, body]).toEqual([200, ''])
  expect((await one.app[spec].start()).tail.waiting).toBe(0)
})
