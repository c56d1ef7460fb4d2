// What the app really answers is what the document says: status, headers, type and body, with no field that it does not know.
import { expect, test } from 'bun:test'
import { Ajv2020 } from 'ajv/dist/2020'
import formats from 'ajv-formats'
import { inventory } from '../../examples/marketplace/inventory.ts'
import { order } from '../../examples/marketplace/order.ts'
import { payment } from '../../examples/marketplace/payment.ts'
import { readConfig } from '../../src/config.ts'
import { memory } from '../../src/store/memory.ts'
import { type Store, StoreError } from '../../src/store/store.ts'
import { type App, type AppOptions, app } from '../app.ts'
import { problems } from '../problem.ts'
import { headers as known } from './shared.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test may walk JSON as it comes.
type Document = any

const ADMIN_TOKEN = 'a-token-of-twenty-one'
const marketplace = (options: Partial<AppOptions> = {}): App =>
  app({ serve: [inventory, order, payment], store: memory(), config: readConfig({ ADMIN_TOKEN }), report: () => {}, ...options })
const storing = (store: Partial<Store>): App => marketplace({ store: { ...memory(), ...store } })

const served = marketplace()
const document: Document = closed(await (await served.request('/openapi.json')).json())
const ajv = formats(new Ajv2020({ strict: false, allErrors: true }))

/** A document whose objects have the fields it names and no others. */
function closed(document: Document): Document {
  return JSON.parse(JSON.stringify(document), (_, value) =>
    value?.type === 'object' && value.properties ? { additionalProperties: false, ...value } : value,
  )
}

/** A part of the document, or what it refers to. */
function found(part: Document): Document {
  const steps: string[] = part?.$ref?.split('/').slice(1) ?? []
  return steps.length ? steps.reduce((at, step) => at[step], document) : part
}

/** What a schema of the document has against a value; null: nothing. */
function misfits(schema: Document, value: unknown): unknown {
  const fits = ajv.compile({ ...found(schema), components: document.components })
  return fits(value) ? null : fits.errors
}

type Said = { readonly body?: object | string; readonly headers?: Record<string, string>; readonly on?: App }

/** Asks for `path`, an instance of `template`, and holds the answer against the document. */
async function asked(template: string, path: string, status: number, { body, headers, on = served }: Said = {}): Promise<void> {
  const [method, { responses }] = Object.entries<Document>(document.paths[template])[0]!
  const response = await on.request(path, {
    method: method.toUpperCase(),
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    ...(body && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  expect({ path, status: response.status, text }).toMatchObject({ path, status })
  hasHeaders(response, found(responses[status]).headers)
  if (text === '') return
  const { schema } = found(responses[status]).content[response.headers.get('Content-Type')!.split(';')[0]!]
  expect({ path, misfits: misfits(schema, JSON.parse(text)) }).toEqual({ path, misfits: null })
}

/** Of all headers that the document knows, a response has none that is not said of it, and those fit. */
function hasHeaders(response: Response, said: Document): void {
  const given = Object.keys(known).filter(name => response.headers.has(name))
  expect(given).toContain('X-Request-Id')
  expect(Object.keys(said)).toEqual(expect.arrayContaining(given))
  for (const name of given) expect(misfits(found(said[name]).schema, headerValue(response.headers.get(name)!))).toBeNull()
}

const headerValue = (header: string): unknown => (/^\d+$/.test(header) ? Number(header) : header)
const basket = { customerId: 'c1', items: [{ sku: 'apple', qty: 2, price: 120 }] }
const place = (id: string, status: number, said: Said = {}) =>
  asked('/order/{id}/place', `/order/${id}/place`, status, { body: basket, ...said })

test('an accepted command answers as documented', async () => {
  await place('a1', 201)
  await place('a2', 201, { headers: { Prefer: 'return=representation', 'Idempotency-Key': 'k1' } })
  await place('a2', 201, { headers: { Prefer: 'return=representation', 'Idempotency-Key': 'k1' } })
  await place('a3', 201, { headers: { Prefer: 'return=minimal', 'If-None-Match': '*' } })
  await asked('/order/{id}/confirmPayment', '/order/a1/confirmPayment', 200, { headers: { 'If-Match': '"1"' } })
  await asked('/order/{id}/confirmPayment', '/order/a1/confirmPayment', 200, { body: {} })
  await asked('/order/{id}/cancel', '/order/a1/cancel', 204, { body: {}, headers: { Prefer: 'return=minimal' } })
  await asked('/order/place', '/order/place', 201, { body: basket })
  await asked('/payment/charge', '/payment/charge', 201, { body: { cents: 1 }, headers: { Prefer: 'return=representation' } })
})

test('a refused command answers as documented', async () => {
  await place('r1', 201)
  await place('r1', 422)
  await place('r2', 201, { headers: { 'Idempotency-Key': 'k2' } })
  await place('r2', 422, { headers: { 'Idempotency-Key': 'k2' }, body: { ...basket, customerId: 'c2' } })
  await place('r1', 400, { body: '{' })
  await place('r1', 400, { body: { ...basket, items: [] } })
  await place('r1', 400, { headers: { 'If-Match': '17' } })
  await place('x'.repeat(201), 400)
  await place('r1', 412, { headers: { 'If-None-Match': '*' } })
  await place('r3', 412, { headers: { 'If-Match': '*' } })
  await place('r1', 413, { body: 'x'.repeat(1_048_577) })
  await place('r1', 415, { headers: { 'Content-Type': 'text/plain' } })
  await asked('/order/cancel', '/order/cancel', 422, { body: {} })
})

const contested = ({ slices }: Parameters<Store['append']>[0][number]) => {
  const conflicts = slices.map(({ stream, expect }) => ({ stream, expected: expect, actual: 1, missed: null }))
  return { outcome: 'conflict' as const, conflicts }
}

test('a command that its store does not take answers as documented', async () => {
  const failing = (reason: StoreError['reason']) => storing({ append: () => Promise.reject(new StoreError(reason, reason)) })
  await place('s1', 503, { on: failing('unavailable') })
  await place('s1', 507, { on: failing('full') })
  await place('s1', 500, { on: storing({ append: () => Promise.reject(new Error('a secret')) }) })
  await place('s1', 409, { on: storing({ append: async units => units.map(contested) }) })
})

test('a state answers as documented', async () => {
  const state = (path: string, status: number, said?: Said) => asked('/order/{id}', `/order/${path}`, status, said)
  await place('g1', 201)
  await state('g1', 200)
  await state('g1?version=1', 200)
  await state('g1?at=2999-01-01T00:00:00Z', 200)
  await state('g1', 304, { headers: { 'If-None-Match': '"1"' } })
  await state('g1?version=none', 400)
  await state('nobody', 404)
  await state('g1', 503, { on: storing({ load: () => Promise.reject(new StoreError('unavailable', 'gone')) }) })
  await state('g1', 500, { on: storing({ load: () => Promise.reject(new Error('a secret')) }) })
})

test('a stream answers as documented', async () => {
  const stream = (path: string, status: number, said?: Said) => asked('/streams/{stream}', `/streams/${path}`, status, said)
  await place('h1', 201)
  await stream('order-h1', 200)
  await stream('order-h1?limit=1', 200)
  await stream('order-h1?after=1&limit=1000', 200)
  await stream('order-h1', 304, { headers: { 'If-None-Match': '"1"' } })
  await stream('order-h1?limit=1001', 400)
  await stream('order-nobody', 404)
  await stream('order-h1', 401, { headers: { Authorization: 'Bearer another-token-of-some-length' } })
  await stream('order-h1', 403, { on: marketplace({ guard: () => false }) })
})

test('health and problems answer as documented', async () => {
  await asked('/health', '/health', 200)
  await asked('/ready', '/ready', 200)
  await asked('/startup', '/startup', 200)
  await asked('/ready', '/ready', 503, { on: marketplace() })
  await asked('/problems/{slug}', '/problems/version-conflict', 200)
  await asked('/problems/{slug}', '/problems/nothing', 404)
})

test('every problem of the catalogue is an answer to something, but for a method that is no operation', () => {
  const slugs = Object.values<Document>(document.components.responses).flatMap(({ content }) =>
    Object.keys(content['application/problem+json'].examples),
  )
  expect(new Set([...slugs, 'method-not-allowed'])).toEqual(new Set(Object.keys(problems)))
})

test.each([
  [basket, true],
  [{ ...basket, items: [] }, false],
  [{ ...basket, items: [{ sku: 'apple', qty: 0, price: 1 }] }, false],
  [{ customerId: 'c1' }, false],
  [{ ...basket, customerId: '' }, false],
])('the documented body and the app agree on %j', async (body, fits) => {
  const { schema } = document.paths['/order/place'].post.requestBody.content['application/json']
  expect(misfits(schema, body) === null).toBe(fits)
  await asked('/order/place', '/order/place', fits ? 201 : 400, { body })
})
