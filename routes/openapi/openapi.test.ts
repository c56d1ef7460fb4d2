import { expect, test } from 'bun:test'
import { z } from 'zod'
import { order } from '../../examples/marketplace/order.ts'
import { payment } from '../../examples/marketplace/payment.ts'
import { bestsellers, orderSummary, orders } from '../../examples/marketplace/views.ts'
import { readConfig } from '../../src/config.ts'
import { decider } from '../../src/definitions/decider/decider.ts'
import { events } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { projection } from '../../src/definitions/projection/projection.ts'
import { query } from '../../src/definitions/query.ts'
import { sets } from '../../src/test-support/shop.ts'
import { type AppOptions, app } from '../app.ts'
import { type Document, faults, fetchDocument, marketplace } from './validator.cases.ts'

const config = (environment: Record<string, string> = {}) => readConfig(environment)

const operations = (document: Document): { path: string; method: string; operation: Document }[] =>
  Object.entries<Document>(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  )

test('the document of the marketplace is valid OpenAPI', async () => {
  const document = await fetchDocument({ title: 'Marketplace', version: '0.1.0' })
  expect(await faults(document)).toEqual([])
  expect(document).toMatchObject({ openapi: '3.1.1', info: { title: 'Marketplace', version: '0.1.0' } })
})

test('every route of a decider is an operation with an id of its own', async () => {
  const found = operations(await fetchDocument({ serve: [payment] })).map(
    ({ path, method, operation }) => `${operation.operationId}: ${method} ${path}`,
  )
  expect(found).toEqual([
    'requestPayment: post /payment/{id}/request',
    'chargePayment: post /payment/{id}/charge',
    'declinePayment: post /payment/{id}/decline',
    'refundPayment: post /payment/{id}/refund',
    'getPayment: get /payment/{id}',
    'requestNewPayment: post /payment/request',
    'chargeNewPayment: post /payment/charge',
    'declineNewPayment: post /payment/decline',
    'refundNewPayment: post /payment/refund',
    'readStream: get /streams/{stream}',
    'getCommand: get /commands/{id}',
    'withdrawCommand: delete /commands/{id}',
    'followEvents: get /events',
    'readRecords: get /logs',
    'getLevels: get /logs/levels',
    'setLevels: put /logs/levels',
    'resetLevels: delete /logs/levels',
    'getHealth: get /health',
    'getReadiness: get /ready',
    'getStartup: get /startup',
    'getProblem: get /problems/{slug}',
  ])
})

test('every route of projections, queries and streams is an operation with its parameters', async () => {
  const document = await fetchDocument({ serve: [orders, bestsellers, orderSummary, sets] })
  expect(await faults(document)).toEqual([])
  const found = operations(document)
    .filter(({ operation }) => !['streams', 'events', 'health', 'problems'].includes(operation.tags[0]))
    .map(({ path, operation }) => [operation.operationId, path, operation.parameters.map(nameOf).join(' ')])
  const fresh = 'MinPosition MinPositionInQuery Wait Cached'
  const conditions = (field: string, all: string) => [field, ...all.split(' ').map(one => `${field}.${one}`)].join(' ')
  const text = (field: string) => conditions(field, 'eq gt gte lt lte in prefix null')
  expect(found).toEqual([
    ['getOrders', '/orders/{key}', `Key ${fresh}`],
    ['listOrders', '/orders', `${text('customerId')} ${text('status')} sort limit cursor count ${fresh}`],
    ['followOrders', '/orders/{key}/events', 'Key LastEventId'],
    ['getBestsellers', '/bestsellers/{key}', `Key ${fresh}`],
    ['listBestsellers', '/bestsellers', `${conditions('sold', 'eq gt gte lt lte in null')} sort limit cursor count ${fresh}`],
    ['followBestsellers', '/bestsellers/{key}/events', 'Key LastEventId'],
    ['askOrderSummary', '/order-summary', `customerId ${fresh}`],
    ['getSets', '/sets/{key}', `Key ${fresh}`],
  ])
  const { OrdersRow, OrdersPage } = document.components.schemas
  expect(Object.keys(OrdersRow.properties)).toEqual(['key', 'customerId', 'status', 'items', 'total', 'tracking', 'reserved'])
  expect(OrdersPage.required).toEqual(['items', 'next', 'position'])
  expect(document.paths['/order-summary'].get.parameters[0]).toMatchObject({ name: 'customerId', in: 'query', required: true })
  expect(document.components.schemas).not.toHaveProperty('OrderSummaryParameters')
})
const nameOf = ({ name, $ref }: Document) => name ?? $ref.split('/').at(-1)

test('parameters and answers of every kind are documented, and an unknown schema is documented as anything', async () => {
  const odd = query('odd', {
    params: z.object({
      tree: Tree.optional(),
      many: z.bigint().optional(),
      at: z.coerce.date().describe('When.'),
      list: z.array(Item).max(3).default([]),
    }),
    answer: z.union([Tree, z.null()]),
    cache: { ttl: '1 minute', public: true },
    run: async () => null,
  })
  const document = await fetchDocument({ serve: [odd, anyOf] })
  expect(await faults(document)).toEqual([])
  const { parameters, responses } = document.paths['/odd'].get
  expect(parameters.slice(0, 4)).toMatchObject([
    { name: 'tree' },
    { name: 'many', schema: {} },
    { name: 'at', required: true, description: 'When.' },
    { name: 'list', schema: { type: 'array', maxItems: 3, items: { $ref: '#/components/schemas/Item' } } },
  ])
  expect(Object.keys(responses[200].headers)).toContain('Surrogate-Key')
  expect(document.components.schemas.AnyOfRow.anyOf).toMatchObject([
    { properties: { key: {}, a: {} } },
    { properties: { key: {}, b: {} } },
  ])
})
const anyOf = projection('any-of', {
  from: events('fact', { Done: z.object({}) }),
  row: z.union([z.object({ a: z.string() }), z.object({ b: z.int() })]),
  initial: { a: '' },
  evolve: { Done: row => row },
})

test('a body is documented as required where its schema does not accept {}', async () => {
  const { paths } = await fetchDocument()
  expect(paths['/order/{id}/place'].post.requestBody.required).toBe(true)
  expect(paths['/order/{id}/cancel'].post.requestBody.required).toBe(false)
  expect(paths['/order/{id}/confirmPayment'].post.requestBody.required).toBe(false)
})

test('a state that is not exposed is not documented', async () => {
  const { initial, evolve } = { initial: {}, evolve: { Happened: (state: object) => state } }
  const hidden = decider(Odd, { initial, evolve, commands: {}, decide: {} })
  expect(Object.keys((await fetchDocument({ serve: [hidden] })).paths)).not.toContain('/odd/{id}')
})

const Item = z.object({ sku: z.string() }).meta({ id: 'Item', title: 'One item' })
const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree)
  },
})
const Odd = events('odd', { Happened: z.object({ items: z.array(Item), tree: Tree }) })
const odd = decider(Odd, {
  initial: { tree: { name: 'root', children: [] } as z.infer<typeof Tree> },
  evolve: { Happened: (_, { tree }) => ({ tree }) },
  commands: {
    at: z.object({ date: z.date(), text: z.iso.datetime().transform(text => new Date(text)), due: z.coerce.date() }),
    hold: z.object({ many: z.bigint().default(1n), map: z.map(z.string(), z.date()), any: z.custom(() => true) }),
    grow: Tree,
    take: Item.describe('Takes an item.'),
    takeOther: z.object({ items: z.array(z.object({ other: z.int() }).meta({ id: 'Item' })) }),
    get: z.object({}),
  },
  decide: { at: () => [], hold: () => [], grow: () => [], take: () => [], takeOther: () => [], get: () => [] },
  expose: z.object({ tree: Tree }),
})

test('a schema that JSON Schema cannot express is documented as anything, and the document stays valid', async () => {
  const document = await fetchDocument({ serve: [odd] })
  expect(await faults(document)).toEqual([])
  const { schemas } = document.components
  expect(schemas.AtOdd.properties).toMatchObject({ date: {}, text: { type: 'string', format: 'date-time' }, due: {} })
  expect(document.paths['/odd/{id}/take'].post.description).toBe('Takes an item.')
})

test('a schema is documented under its id, and a second one of that id gets a number, as an operation does', async () => {
  const { paths, components } = await fetchDocument({ serve: [odd] })
  const { Item, Item2, OddHappened } = components.schemas
  expect(OddHappened.properties.data.properties.items.items).toEqual({ $ref: '#/components/schemas/Item' })
  expect([Item.properties, Item2.properties]).toMatchObject([{ sku: {} }, { other: {} }])
  expect(paths['/odd/{id}/get'].post.operationId).toBe('getOdd')
  expect(paths['/odd/{id}'].get.operationId).toBe('getOdd2')
})

test('GET /streams/{stream} is documented with a bearer where it is guarded', async () => {
  const security = async (options: Partial<AppOptions>) => {
    const document = await fetchDocument(options)
    expect(await faults(document)).toEqual([])
    return document.paths['/streams/{stream}'].get.security
  }
  const ADMIN_TOKEN = 'a-token-of-twenty-one'
  expect(await security({})).toEqual([])
  expect(await security({ guard: () => true })).toEqual([{ bearer: [] }])
  expect(await security({ config: config({ NODE_ENV: 'production' }) })).toEqual([{ bearer: [] }])
  expect(await security({ config: config({ ADMIN_TOKEN }), publicStreams: [order] })).toEqual([{}, { bearer: [] }])
})

test('GET /openapi.json answers 304 to its tag, without opening the store', async () => {
  const store = { ...memory(), open: () => Promise.reject(new Error('it was opened')) }
  const served = app({ serve: marketplace, store, config: config() })
  const first = await served.request('/openapi.json')
  const again = await served.request('/openapi.json', { headers: { 'If-None-Match': first.headers.get('ETag')! } })
  expect([first.status, again.status, await again.text()]).toEqual([200, 304, ''])
  expect(first.headers.get('Content-Type')).toBe('application/json')
})

test('each command that takes a traceparent in GET /openapi.json takes baggage beside it', async () => {
  const { paths } = await fetchDocument({})
  const named = Object.values(paths as Readonly<Record<string, Readonly<Record<string, { parameters?: { $ref?: string }[] }>>>>)
    .flatMap(methods => Object.values(methods))
    .map(({ parameters = [] }) => parameters.map(({ $ref }) => $ref?.split('/').at(-1)))
    .filter(names => names.includes('TraceParent'))
  expect(named.length).toBeGreaterThan(0)
  for (const names of named) expect(names).toContain('Baggage')
})
