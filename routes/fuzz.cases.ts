// Requests that are nearly right, and bytes that are not. FUZZ_SEED repeats a run.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { inventory } from '../examples/marketplace/inventory.ts'
import { order } from '../examples/marketplace/order.ts'
import { payment } from '../examples/marketplace/payment.ts'
import { bestsellers, customers, orderSummary, orders, stock } from '../examples/marketplace/views.ts'
import { spec } from '../src/definitions/event/events.ts'
import type { StoredEvent } from '../src/ports/store/event.ts'
import { type Client, client } from '../src/test-support/http.ts'
import { problems, type Slug } from './http/problem.ts'
import { anyUnit } from '../src/test-support/any-text.ts'

const SEED = Number(process.env['FUZZ_SEED'] ?? Math.trunc(Math.random() * 2 ** 31))
const RUNS_AT_ONCE = 50
/** So many requests tell whether enough of them are accepted. */
const TELLING_REQUESTS = 1_000
const BODY_LIMIT = 20_000

const VIEWS = [orders, stock, bestsellers, customers, orderSummary]
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  order: ['place', 'confirmPayment', 'ship', 'cancel'],
  inventory: ['restock', 'reserve', 'release', 'commit'],
  payment: ['charge', 'decline', 'refund'],
}
// biome-ignore format: one list
const ODD = [
  '__proto__', 'toString', 'constructor', 'prototype', "o'brien", '"', '$$', '%I', '--', '../..', '.', ' ', '\u0000', '\ud800', '\udc00\ud800', '\ufeff', '日本 🎁', 'é', 'x'.repeat(400), 'x'.repeat(401), '',
]

const odd = fc.constantFrom(...ODD)
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('a', 'b', 'c1', 'apple') },
  odd,
  fc.string({ unit: anyUnit, maxLength: 12 }),
  fc.string({ maxLength: 20 }),
)
const whole = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) },
  fc.constantFrom(0, -0, -1, 0.5, 1e21, 2 ** 53 - 1, 2 ** 53, Number.MAX_VALUE, 5e-324),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)

/** A record that is right most of the time, with a field missing, of another type or too much now and then. */
const record = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.record(fields) },
    fc.record(fields, { requiredKeys: [] }),
    fc
      .tuple(fc.record(fields), fc.oneof(fc.constantFrom(...Object.keys(fields)), odd), fc.jsonValue())
      .map(([right, key, value]) =>
        // As JSON.parse does: an own property, whatever its name is.
        Object.defineProperty({ ...right }, key, { value, enumerable: true }),
      ),
  )
const item = record({ sku: text, qty: whole, price: whole })
const basket = record({ customerId: text, items: fc.array(item, { minLength: 1, maxLength: 3 }) })
const input: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  place: basket,
  ship: record({ trackingNumber: text }),
  cancel: record({ reason: text }),
  decline: record({ reason: text }),
  restock: record({ qty: whole }),
  reserve: record({ order: text, qty: whole }),
  release: record({ order: text }),
  commit: record({ order: text }),
  charge: record({ cents: whole }),
}
const bytesOf = (json: string) => new TextEncoder().encode(json)
const stringified = (value: unknown) => bytesOf(JSON.stringify(value) ?? '')

/** Bytes with one of them changed, left out or put in. */
const mutate = (right: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.tuple(right, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 2)).map(([bytes, n, byte, how]) => {
    const at = n % (bytes.length + 1)
    return Uint8Array.from([...bytes.slice(0, at), ...(how === 0 ? [] : [byte]), ...bytes.slice(how === 2 ? at : at + 1)])
  })
const nested = fc
  .tuple(fc.integer({ min: 1, max: 3_000 }), fc.constantFrom(['[', ']'], ['{"a":', '}']), fc.boolean())
  .map(([depth, [open, close], isClosed]) =>
    bytesOf(open!.repeat(depth) + (open === '[' ? '' : '1') + (isClosed ? close!.repeat(depth) : '')),
  )
const bodyOf = (command: string): fc.Arbitrary<Uint8Array | null> => {
  const right = (input[command] ?? fc.constant({})).map(stringified)
  return fc.oneof(
    { weight: 12, arbitrary: right },
    { weight: 3, arbitrary: mutate(right) },
    fc.json().map(bytesOf),
    fc.json({ stringUnit: anyUnit }).map(bytesOf),
    fc.uint8Array({ maxLength: 40 }),
    nested,
    text.map(long => stringified({ customerId: long.repeat(200), items: [] })),
    fc
      .constantFrom(
        '{"__proto__":{"polluted":1}}',
        '{"constructor":{"prototype":{"polluted":1}}}',
        '"\\ud800"',
        '1e400',
        '\ufeff{}',
        '',
      )
      .map(bytesOf),
    fc.constant(null),
  )
}

/** As a client would write a text into a path, or as one would not. */
const segment = (plain: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 8, arbitrary: plain.map(one => encodeURIComponent(one.toWellFormed())) },
    plain.map(one => one.replaceAll(/[?#/\\\s\p{Cc}\p{Cs}]/gu, '')),
    fc
      .array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 4 })
      .map(bytes => bytes.map(byte => `%${byte.toString(16).padStart(2, '0')}`).join('')),
    fc.constantFrom('%', '%zz', '%2', '.', '..', '%2e%2e', '%00', ''),
  )
const query = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  fc
    .tuple(
      fc.constantFrom('version', 'at', 'after', 'limit', 'x'),
      fc.oneof(text, whole.map(String), fc.constantFrom('2026-01-01T00:00:00Z', '1', '2')),
    )
    .map(([name, value]) => `?${name}=${encodeURIComponent(value.toWellFormed())}`),
)
const position = fc.oneof(fc.nat(60).map(String), fc.constantFrom('', '-1', '01', '2.1', '1.1', '9007199254740992', '1, 2'), text)
const cursor = fc
  .tuple(fc.constantFrom('', 'sold', '-sold', 'status', 'x'), fc.oneof(fc.constant(null), text, whole, fc.jsonValue()), text)
  .map(parts => Buffer.from(JSON.stringify(parts)).toString('base64url'))
/** A query string of what can be read, a name and a value at a time. */
const search = fc
  .array(
    fc.tuple(
      fc.oneof(
        fc.constantFrom('customerId', 'status', 'sold', 'spend', 'limit', 'cursor', 'sort', 'count', 'min-position'),
        segment(odd),
      ),
      fc.oneof(
        segment(text),
        cursor,
        position.map(one => encodeURIComponent(one.toWellFormed())),
        fc.constantFrom('placed', 'null', 'true', '-sold', 'sold', '1', '1e3', '1000', '01', '%', '%ff'),
      ),
    ),
    { maxLength: 3 },
  )
  .map(pairs => (pairs.length ? `?${pairs.map(pair => pair.join('=')).join('&')}` : ''))
const header = fc.oneof(
  fc.tuple(fc.constant('Min-Position'), position),
  fc.tuple(
    fc.constant('If-Match'),
    fc.oneof(
      fc.nat(3).map(n => `"${n}"`),
      fc.constantFrom('*', 'W/"1"', '"x"', '1', '"1", "2"'),
      text,
    ),
  ),
  fc.tuple(fc.constant('If-None-Match'), fc.oneof(fc.constantFrom('*', '"1"', 'W/"2"'), text)),
  fc.tuple(fc.constant('Idempotency-Key'), fc.oneof(fc.constantFrom('k1', 'k2', '"k1"', '""', '"'), text)),
  fc.tuple(
    fc.constant('Prefer'),
    fc.oneof(fc.constantFrom('return=minimal', 'return=representation', 'wait=0', 'wait=1', ',;='), text),
  ),
  fc.tuple(
    fc.constant('Content-Type'),
    fc.oneof(
      fc.constantFrom('text/plain', 'application/merge-patch+json', 'application/json;charset=latin1', 'application/json x'),
      text,
    ),
  ),
  fc.tuple(fc.constant('Content-Length'), fc.oneof(fc.constantFrom('0', '-1', 'x', '99999999', '1e9'), text)),
  fc.tuple(
    fc.constantFrom(
      'Last-Event-ID',
      'X-Request-Id',
      'X-Correlation-Id',
      'X-Causation-Id',
      'traceparent',
      'tracestate',
      'Authorization',
      'Accept',
      'Accept-Encoding',
      'Origin',
      'Transfer-Encoding',
      'X-HTTP-Method-Override',
      'Range',
      'Expect',
    ),
    text,
  ),
)
const decider = fc.constantFrom(...Object.keys(COMMANDS))
const command = fc.tuple(decider, fc.boolean(), segment(text)).chain(([name, isGiven, id]) =>
  fc.constantFrom(...COMMANDS[name]!).chain(command =>
    fc.record({
      method: fc.oneof(
        { weight: 30, arbitrary: fc.constant('POST') },
        fc.constantFrom('GET', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'QUERY'),
      ),
      path: fc.constant(isGiven ? `/${name}/${id}/${command}` : `/${name}/${command}`),
      body: bodyOf(command),
    }),
  ),
)
const others = fc.record({
  method: fc.oneof({ weight: 4, arbitrary: fc.constant('GET') }, fc.constantFrom('HEAD', 'POST', 'DELETE')),
  path: fc.oneof(
    fc.tuple(decider, segment(text), query).map(([name, id, query]) => `/${name}/${id}${query}`),
    fc.tuple(decider, segment(text), query).map(([name, id, query]) => `/streams/${name}-${id}${query}`),
    fc.tuple(segment(text), query).map(([one, query]) => `/streams/${one}${query}`),
    fc.constantFrom('/', '/health', '/ready', '/problems/internal', '/problems/__proto__', '/events'),
    query.map(query => `/events${query.replace('?x=', '?type=')}`),
    fc.array(segment(text), { maxLength: 4 }).map(segments => `/${segments.join('/')}`),
  ),
  body: fc.constant(null),
})
const view = fc.constantFrom('orders', 'stock', 'bestsellers', 'customers')
const reads = fc.record({
  method: fc.oneof({ weight: 9, arbitrary: fc.constant('GET') }, fc.constantFrom('HEAD', 'POST', 'QUERY')),
  path: fc.oneof(
    fc.tuple(view, search).map(([name, search]) => `/${name}${search}`),
    fc.tuple(view, segment(text), search).map(([name, key, search]) => `/${name}/${key}${search}`),
    fc.tuple(segment(text), search).map(([id, search]) => `/order-summary${search}${search ? '&' : '?'}customerId=${id}`),
  ),
  body: fc.constant(null),
})
const request = fc
  .tuple(
    fc.oneof({ weight: 8, arbitrary: command }, { weight: 2, arbitrary: others }, { weight: 2, arbitrary: reads }),
    fc.array(header, { maxLength: 2, size: 'xsmall' }),
  )
  .map(([one, headers]) => ({
    ...one,
    headers: [...(one.body ? [['Content-Type', 'application/json'] as [string, string]] : []), ...headers],
  }))
type FuzzRequest = typeof request extends fc.Arbitrary<infer T> ? T : never
type Accepted = {
  readonly request: FuzzRequest
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly events: readonly { type: string; data: unknown }[]
}

let requestCount = 0
let acceptedCount = 0
/** Answers with rows. */
let viewCount = 0

export function testFuzz(requests: number): void {
  const runs = Math.min(RUNS_AT_ONCE, Math.ceil(requests / 30))
  test(`none of ${requests} random requests answers 500, or changes more than its answer says`, async () => {
    console.log(`fuzz: FUZZ_SEED=${SEED} FUZZ_REQUESTS=${requests}`)
    const prototype = Object.getOwnPropertyNames(Object.prototype)
    const property = fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 60, size: 'max' }), sendAll)
    for (let i = 0; requestCount < requests; i++) await fc.assert(property, { numRuns: runs, seed: SEED + i })
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(prototype)
    if (requestCount < TELLING_REQUESTS) return
    // Were they all refused, the test would say nothing.
    expect(acceptedCount).toBeGreaterThan(requestCount / 24)
    expect(viewCount).toBeGreaterThan(requestCount / 160)
  }, 3_600_000)
}

async function sendAll(requests: readonly FuzzRequest[]): Promise<void> {
  const marketplace = client({ serve: [order, inventory, payment, ...VIEWS], bodyLimit: BODY_LIMIT })
  await marketplace.app[spec].start()
  const answers = await Promise.all(requests.map(one => checkAnswer(marketplace, one)))
  const commands = answers.filter(answer => answer !== null && answer !== 'without a body')
  acceptedCount += commands.length
  const log = await marketplace.store.readAll({ after: 0, limit: 100_000 })
  for (const one of commands) expectInLog(log, one)
  // A command of the marketplace gives one event at most.
  const answeredEvents = commands.reduce((sum, { events }) => sum + events.length, 0)
  expect(log.length).toBeWithin(answeredEvents, answeredEvents + answers.filter(answer => answer === 'without a body').length + 1)
  for (const stream of new Set(commands.map(({ stream }) => stream))) await expectOverHttp(marketplace, stream, log)
  expect(marketplace.reported).toEqual([])
  expect((await marketplace.post('/payment/good-neighbour/charge', { cents: 1 })).status).toBe(201)
  await marketplace.app[spec].stop()
}

/** Sends a request and checks its answer. Gives what was accepted, unless the answer is a replay or has no body. */
async function checkAnswer({ app }: Client, one: FuzzRequest): Promise<Accepted | 'without a body' | null> {
  let ask: Request
  try {
    ask = new Request(`http://localhost${one.path}`, { method: one.method, headers: one.headers, body: one.body })
  } catch {
    // What no client of this engine can say, sockets say in raw.test.ts.
    return null
  }
  requestCount++
  const response = await app.fetch(ask)
  const { status, headers } = response
  const body = await readBody(response)
  expect(status).toBeWithin(200, 500)
  if (status !== 304) expect(headers.get('x-request-id')).toMatch(/^[\w=-]{1,255}$/)
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(body).not.toMatch(/\n\s+at |\/node_modules\/|\.ts:\d+/)
  if (status === 200 && /^\/(orders|stock|bestsellers|customers|order-summary)/.test(one.path)) viewCount++
  if (status >= 400) expectProblemDocument(one, status, headers, body)
  if (one.method !== 'POST' || status >= 300 || headers.has('idempotency-replayed')) return null
  if (body === '') return 'without a body'
  const { stream, version, position, events } = JSON.parse(body) as Accepted
  expect([headers.get('etag'), headers.get('event-position')]).toEqual([`"${version}"`, String(position)])
  return { request: one, stream, version, position, events }
}

/** What is answered. A stream of events does not end: its beginning is read. */
async function readBody(response: Response): Promise<string> {
  if (response.headers.get('content-type') !== 'text/event-stream' || !response.body) return response.text()
  const reader = response.body.getReader()
  const { value } = await reader.read()
  await reader.cancel()
  expect(new TextDecoder().decode(value)).toStartWith('retry: ')
  return ''
}

function expectProblemDocument({ method }: FuzzRequest, status: number, headers: Headers, body: string): void {
  expect(headers.get('content-type')).toBe('application/problem+json')
  if (method === 'HEAD') return
  const problem = JSON.parse(body) as Record<string, unknown>
  const slug = String(problem['type']).replace('/problems/', '') as Slug
  expect(Object.hasOwn(problems, slug)).toBeTrue()
  expect(problem).toMatchObject({ status, title: problems[slug].title, instance: expect.any(String) })
  expect(problems[slug].status).toBe(status)
  if (slug === 'validation-failed') expect(problem['errors']).toBeArray()
  if (slug === 'malformed-json' || slug === 'bad-header') expect(problem['detail']).toBeString()
}

/** What was accepted is in the log, at its place, byte for byte what was answered and what was sent. */
function expectInLog(log: readonly StoredEvent[], { request, stream, version, position, events }: Accepted): void {
  const stored = log.filter(event => event.stream === stream).slice(version - events.length, version)
  expect(stored.map(({ type, data }) => ({ type, data }))).toEqual(
    events.map(({ type, data }) => ({ type, data: JSON.stringify(data) })),
  )
  if (events.length === 0) return
  expect(stored.at(-1)!.position).toBe(position)
  if (stored[0]!.type !== 'Placed') return
  const { customerId, items } = JSON.parse(new TextDecoder().decode(request.body!)) as {
    customerId: string
    items: Record<string, unknown>[]
  }
  const sent = { customerId, items: items.map(({ sku, qty, price }) => ({ sku, qty, price })) }
  expect(stored[0]!.data).toBe(JSON.stringify(sent))
}

async function expectOverHttp({ app }: Client, stream: string, log: readonly StoredEvent[]): Promise<void> {
  const response = await app.request(`/streams/${encodeURIComponent(stream)}?limit=1000`)
  const events = log.filter(event => event.stream === stream)
  expect(response.status).toBe(events.length ? 200 : 404)
  const body = await response.text()
  for (const { data } of events) expect(body).toContain(`"data":${data},`)
}
