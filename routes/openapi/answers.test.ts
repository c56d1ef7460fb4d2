// What the app really answers is what the document says: status, headers, type and body, with no field that it does not know.
import { expect, test } from 'bun:test'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020'
import formats from 'ajv-formats'
import { inventory } from '../../examples/marketplace/inventory.ts'
import { order } from '../../examples/marketplace/order.ts'
import { payment } from '../../examples/marketplace/payment.ts'
import { z } from 'zod'
import { bestsellers, customers, orderSummary, orders, stock } from '../../examples/marketplace/views.ts'
import { readConfig } from '../../src/config.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { query } from '../../src/definitions/query.ts'
import { looks, sets, thing, things } from '../../src/test-support/shop.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import type { Store } from '../../src/ports/store/store.ts'
import { type App, type AppOptions, app } from '../app.ts'
import { problems } from '../http/problem.ts'
import { headers as known } from './shared.ts'

// biome-ignore lint/suspicious/noExplicitAny: a test may walk JSON as it comes.
type Document = any

const open = query('open', {
  params: z.object({
    shelf: z.enum(['top', 'low']),
    names: z.array(z.string().min(1)).default([]),
    least: z.number().optional(),
  }),
  answer: z.object({ rows: z.int() }).nullable(),
  cache: { ttl: '1 minute', public: true },
  run: async ({ shelf }, read) => {
    const rows = await read(things).count({ shelf })
    return rows ? { rows } : null
  },
})
const views = [orders, stock, bestsellers, customers, orderSummary]
const serve = [inventory, order, payment, ...views, thing, things, sets, open]

const ADMIN_TOKEN = 'a-token-of-twenty-one'
const marketplace = (options: Partial<AppOptions> = {}): App =>
  app({ serve, store: memory(), config: readConfig({ ADMIN_TOKEN }), report: () => {}, ...options })
const openWithStore = (store: Partial<Store>): App => marketplace({ store: { ...memory(), ...store } })

const served = marketplace()
const document: Document = withoutOtherFields(await (await served.request('/openapi.json')).json())
const ajv = formats(new Ajv2020({ strict: false, allErrors: true }))
ajv.addSchema({ components: document.components }, 'document')

/** A document whose objects have the fields it names and no others. */
function withoutOtherFields(document: Document): Document {
  return JSON.parse(JSON.stringify(document), (_, value) =>
    value?.type === 'object' && value.properties ? { additionalProperties: false, ...value } : value,
  )
}

/** A part of the document, or what it refers to. */
function resolveReference(part: Document): Document {
  const steps: string[] = part?.$ref?.split('/').slice(1) ?? []
  return steps.length ? steps.reduce((at, step) => at[step], document) : part
}

/** What a schema of the document has against a value; null: nothing. */
function misfits(schema: Document, value: unknown): unknown {
  const fits = validatorOf(resolveReference(schema))
  return fits(value) ? null : fits.errors
}

/** Each is compiled once, and the components that all of them share are taken in once. */
const validators = new Map<string, ValidateFunction>()
function validatorOf(schema: Document): ValidateFunction {
  const text = JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/')
  const fits = validators.get(text) ?? ajv.compile(JSON.parse(text))
  validators.set(text, fits)
  return fits
}

type DocumentedRequest = { readonly body?: object | string; readonly headers?: Record<string, string>; readonly on?: App }

/** Asks for `path`, an instance of `template`, and holds the answer against the document. */
async function expectAsDocumented(
  template: string,
  path: string,
  status: number,
  { body, headers, on = served }: DocumentedRequest = {},
): Promise<void> {
  const [method, { responses }] = Object.entries<Document>(document.paths[template])[0]!
  const response = await on.request(path, {
    method: method.toUpperCase(),
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    ...(body && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  expect({ path, status: response.status, text }).toMatchObject({ path, status })
  hasHeaders(response, resolveReference(responses[status]).headers)
  if (text === '') return
  const { schema } = resolveReference(responses[status]).content[response.headers.get('Content-Type')!.split(';')[0]!]
  expect({ path, misfits: misfits(schema, JSON.parse(text)) }).toEqual({ path, misfits: null })
}

/** Of all headers that the document knows, a response has none that is not said of it, and those fit. */
function hasHeaders(response: Response, said: Document): void {
  const given = Object.keys(known).filter(name => response.headers.has(name))
  expect(given).toContain('X-Request-Id')
  expect(Object.keys(said)).toEqual(expect.arrayContaining(given))
  for (const name of given) {
    const header = response.headers.get(name)!
    // As text, or as the number that it is.
    const { schema } = resolveReference(said[name])
    expect(misfits(schema, header) && misfits(schema, Number(header)) && { name, header }).toBeNull()
  }
}

const basket = { customerId: 'c1', items: [{ sku: 'apple', qty: 2, price: 120 }] }
const place = (id: string, status: number, said: DocumentedRequest = {}) =>
  expectAsDocumented('/order/{id}/place', `/order/${id}/place`, status, { body: basket, ...said })

test('an accepted command answers as documented', async () => {
  await place('a1', 201)
  await place('a2', 201, { headers: { Prefer: 'return=representation', 'Idempotency-Key': 'k1' } })
  await place('a2', 201, { headers: { Prefer: 'return=representation', 'Idempotency-Key': 'k1' } })
  await place('a3', 201, { headers: { Prefer: 'return=minimal', 'If-None-Match': '*' } })
  await expectAsDocumented('/order/{id}/confirmPayment', '/order/a1/confirmPayment', 200, { headers: { 'If-Match': '"1"' } })
  await expectAsDocumented('/order/{id}/confirmPayment', '/order/a1/confirmPayment', 200, { body: {} })
  await expectAsDocumented('/order/{id}/cancel', '/order/a1/cancel', 204, { body: {}, headers: { Prefer: 'return=minimal' } })
  await expectAsDocumented('/order/place', '/order/place', 201, { body: basket })
  await expectAsDocumented('/payment/charge', '/payment/charge', 201, {
    body: { cents: 1 },
    headers: { Prefer: 'return=representation' },
  })
})

test('a rejected or refused command answers as documented', async () => {
  await place('r1', 201)
  await place('r1', 422)
  await place('r2', 201, { headers: { 'Idempotency-Key': 'k2' } })
  await place('r2', 422, { headers: { 'Idempotency-Key': 'k2' }, body: { ...basket, customerId: 'c2' } })
  await place('r1', 400, { body: '{' })
  await place('r1', 400, { body: { ...basket, items: [] } })
  await place('r1', 400, { headers: { 'If-Match': '17' } })
  await place('x'.repeat(401), 400)
  await place('r1', 412, { headers: { 'If-None-Match': '*' } })
  await place('r3', 412, { headers: { 'If-Match': '*' } })
  await place('r3', 412, { headers: { 'If-Match': '"8", "9"' } })
  await place('r3', 412, { headers: { 'If-Match': '"orders_v1-1-x"' } })
  await place('r1', 413, { body: 'x'.repeat(1_048_577) })
  await place('r1', 415, { headers: { 'Content-Type': 'text/plain' } })
  await expectAsDocumented('/order/cancel', '/order/cancel', 422, { body: {} })
})

const conflictOf = ({ slices }: Parameters<Store['append']>[0][number]) => {
  const conflicts = slices.map(({ stream, expect }) => ({ stream, expected: expect, actual: 1, missed: null }))
  return { outcome: 'conflict' as const, conflicts }
}

test('a command that the store refuses answers as documented', async () => {
  const failingStore = (reason: StoreError['reason']) =>
    openWithStore({ append: () => Promise.reject(new StoreError(reason, reason)) })
  await place('s1', 503, { on: failingStore('unavailable') })
  await place('s1', 507, { on: failingStore('full') })
  await place('s1', 500, { on: openWithStore({ append: () => Promise.reject(new Error('a secret')) }) })
  await place('s1', 409, { on: openWithStore({ append: async units => units.map(conflictOf) }) })
})

test('GET /{decider}/{id} answers as documented', async () => {
  const state = (path: string, status: number, said?: DocumentedRequest) =>
    expectAsDocumented('/order/{id}', `/order/${path}`, status, said)
  await place('g1', 201)
  await state('g1', 200)
  await state('g1?version=1', 200)
  await state('g1?at=2999-01-01T00:00:00Z', 200)
  await state('g1', 304, { headers: { 'If-None-Match': '"1"' } })
  await state('g1?version=none', 400)
  await state('nobody', 404)
  await state('g1', 503, { on: openWithStore({ load: () => Promise.reject(new StoreError('unavailable', 'gone')) }) })
  await state('g1', 500, { on: openWithStore({ load: () => Promise.reject(new Error('a secret')) }) })
})

test('GET /streams/{stream} answers as documented', async () => {
  const stream = (path: string, status: number, said?: DocumentedRequest) =>
    expectAsDocumented('/streams/{stream}', `/streams/${path}`, status, said)
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

const say = async (on: App, id: string, command: string, body: object = {}): Promise<string> => {
  const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
  return (await on.request(`/thing/${id}/${command}`, init)).headers.get('Event-Position')!
}

test('rows answer as documented', async () => {
  const on = marketplace()
  const row = (path: string, status: number, said: DocumentedRequest = {}) =>
    expectAsDocumented('/things/{key}', `/things/${path}`, status, { on, ...said })
  const list = (search: string, status: number, said: DocumentedRequest = {}) =>
    expectAsDocumented('/things', `/things${search}`, status, { on, ...said })
  await say(on, 'a', 'set', looks('apple', { note: 'ripe' }))
  await say(on, 'b', 'set', looks('pear', { price: null }))
  await say(on, 'b', 'poison')
  const position = await say(on, 'c', 'poison')
  const known = { 'Min-Position': position, Prefer: 'wait=5' }
  await row('a', 200, { headers: known })
  await row('b', 200)
  await row('a', 304, { headers: { 'If-None-Match': '*' } })
  await row('nobody', 404, { headers: known })
  await row('a', 400, { headers: { 'Min-Position': 'x' } })
  await row('a?min-position=x', 400)
  await row('a', 409, { headers: { 'Min-Position': '1000000' } })
  await row('b', 503, { headers: known })
  await row('c', 503)
  const complete = { headers: { ...known, Prefer: 'wait=5, complete' } }
  await list('', 503, complete)
  await list('', 200, { headers: known })
  await expectAsDocumented('/open', '/open?shelf=top', 503, { on, ...complete })
  await expectAsDocumented('/open', '/open?shelf=top', 200, { on })
  await list('?limit=1&count=true&sort=-price', 200)
  await list('', 304, { headers: { 'If-None-Match': '*' } })
  await list('?shelf=middle', 400)
  await list('?cursor=x', 400)
  await list('?min-position=2.1', 409)
  const follow = (last: string, status: number, key = 'a') =>
    expectAsDocumented('/things/{key}/events', `/things/${key}/events`, status, { on, headers: { 'Last-Event-ID': last } })
  await follow('x', 400)
  await follow('1000000', 409)
  await follow('1', 404, 'a%00')
  await expectAsDocumented('/sets/{key}', '/sets/a', 200, { on, headers: known })
  await expectAsDocumented('/sets/{key}', '/sets/nobody', 404, { on })
  expect(document.paths).not.toHaveProperty('/sets')
})

test('rows that are behind, or whose store fails, answer as documented', async () => {
  const store = memory()
  const on = marketplace({ store: { ...store, readModel: { ...store.readModel, commit: () => new Promise(() => {}) } } })
  const position = await say(on, 'a', 'set', looks('apple'))
  const headers = { 'Min-Position': position, Prefer: 'wait=0' }
  await expectAsDocumented('/things/{key}', '/things/a', 503, { on, headers })
  await expectAsDocumented('/things', '/things', 503, { on, headers })
  await expectAsDocumented('/open', '/open?shelf=top', 503, { on, headers })
  const failingStore = memory()
  failingStore.readModel.get = () => Promise.reject(new StoreError('unavailable', 'gone'))
  failingStore.readModel.list = () => Promise.reject(new Error('a secret'))
  const broken = marketplace({ store: failingStore })
  await broken[spec].start()
  await expectAsDocumented('/things/{key}', '/things/a', 503, { on: broken })
  await expectAsDocumented('/things', '/things', 500, { on: broken })
})

test('queries answer as documented', async () => {
  const position = await say(served, 'd', 'set', looks('fig'))
  const headers = { 'Min-Position': position, Prefer: 'wait=5' }
  await expectAsDocumented('/open', '/open?shelf=top', 200, { headers })
  await expectAsDocumented('/open', '/open?shelf=top', 200)
  await expectAsDocumented('/open', '/open?shelf=low', 200)
  await expectAsDocumented('/open', '/open?shelf=top', 304, { headers: { 'If-None-Match': '*' } })
  await expectAsDocumented('/open', '/open', 400)
  await expectAsDocumented('/open', '/open?shelf=top&min-position=1000000', 409)
  await expectAsDocumented('/order-summary', '/order-summary?customerId=c1', 200)
})

test.each<[string, string, unknown, boolean]>([
  ['/things', 'shelf', 'low', true],
  ['/things', 'shelf', 'middle', false],
  ['/things', 'price', -1.5, true],
  ['/things', 'price', null, true],
  ['/things', 'price', true, false],
  ['/things', 'rare', true, true],
  ['/things', 'rare', 1, false],
  ['/things', 'sort', ['-name'], true],
  ['/things', 'sort', ['-name', 'price'], true],
  ['/things', 'sort', ['key'], false],
  ['/things', 'price.gte', 1, true],
  ['/things', 'price.gte', 'x', false],
  ['/things', 'shelf.in', ['top', 'low'], true],
  ['/things', 'shelf.in', ['middle'], false],
  ['/things', 'name.prefix', 'a', true],
  ['/things', 'price.null', false, true],
  ['/things', 'price.null', 1, false],
  ['/things', 'limit', 1_000, true],
  ['/things', 'limit', 0, false],
  ['/things', 'count', true, true],
  ['/things', 'min-position', '0', true],
  ['/things', 'min-position', '01', false],
  ['/open?shelf=top', 'names', ['a', 'b'], true],
  ['/open?shelf=top', 'names', ['a', ''], false],
  ['/open?shelf=top', 'least', 5, true],
  ['/open?shelf=top', 'least', 'x', false],
])('the documented parameters of %s and the app agree on %s=%j', async (path, name, value, fits) => {
  const [template] = path.split('?')
  const parameters = document.paths[template!].get.parameters.map(resolveReference)
  const { schema } = parameters.find((one: Document) => one.in === 'query' && one.name === name)
  expect(misfits(schema, value) === null).toBe(fits)
  const values = (Array.isArray(value) ? value : [value]).map(one => `${name}=${encodeURIComponent(String(one))}`)
  await expectAsDocumented(template!, `${path}${path.includes('?') ? '&' : '?'}${values.join('&')}`, fits ? 200 : 400)
})

test('health checks and problem pages answer as documented', async () => {
  await expectAsDocumented('/health', '/health', 200)
  await expectAsDocumented('/ready', '/ready', 200)
  await expectAsDocumented('/startup', '/startup', 200)
  await expectAsDocumented('/ready', '/ready', 503, { on: marketplace() })
  await expectAsDocumented('/problems/{slug}', '/problems/version-conflict', 200)
  await expectAsDocumented('/problems/{slug}', '/problems/nothing', 404)
})

test('every problem of the catalogue is documented for an operation, except that of no route and that of a user’s limit', () => {
  const slugs = Object.values<Document>(document.components.responses).flatMap(({ content }) =>
    Object.keys(content['application/problem+json'].examples),
  )
  expect(new Set([...slugs, 'method-not-allowed', 'too-many-requests'])).toEqual(new Set(Object.keys(problems)))
})

test.each([
  [basket, true],
  [{ ...basket, items: [] }, false],
  [{ ...basket, items: [{ sku: 'apple', qty: 0, price: 1 }] }, false],
  [{ customerId: 'c1' }, false],
  [{ ...basket, customerId: '' }, false],
])('the documented body of order/place and the app agree on %j', async (body, fits) => {
  const { schema } = document.paths['/order/place'].post.requestBody.content['application/json']
  expect(misfits(schema, body) === null).toBe(fits)
  await expectAsDocumented('/order/place', '/order/place', fits ? 201 : 400, { body })
})
