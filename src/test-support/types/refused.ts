// What must not compile. Above each wrong line stands what the compiler is expected to say there: types.test.ts takes these comments
// away and compares. It is never run.
import { z } from 'zod'
import {
  after,
  at,
  decider,
  events,
  importMap,
  processManager,
  processor,
  projection,
  query,
  reject,
  runtime,
  saga,
  split,
  upcast,
} from '../../index.ts'

const None = z.object({})
const Qty = z.object({ qty: z.int() })
const Stock = events('stock', { Restocked: Qty, Reserved: z.object({ order: z.string(), qty: z.int() }), Released: None })
const Order = events('order', { Placed: z.object({ customerId: z.string() }), Paid: None })
const fold = { Restocked: (s: { n: number }) => s, Reserved: (s: { n: number }) => s, Released: (s: { n: number }) => s }
const stock = decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { restock: Qty, note: z.object({ text: z.string().default('') }) },
  decide: { restock: (_, data) => Stock.Restocked(data), note: () => [] },
})

// --- internal
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error Type '"notes"' is not assignable to type '"note"'
  internal: ['notes'],
  decide: { note: () => [] },
})

// --- evolve
decider(Stock, {
  initial: { n: 0 },
  // @ts-expect-error Property 'Released' is missing
  evolve: { Restocked: s => s, Reserved: s => s },
  commands: { note: None },
  decide: { note: () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  // @ts-expect-error Did you mean to write 'Released'?
  evolve: { Restocked: s => s, Reserved: s => s, Relesed: s => s },
  commands: { note: None },
  decide: { note: () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  // @ts-expect-error there is no event Gone
  evolve: { ...fold, Gone: (s: { n: number }) => s },
  commands: { note: None },
  decide: { note: () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: {
    // @ts-expect-error Property 'quantity' does not exist on type '{ qty: number; }'
    Restocked: (s, { quantity }) => ({ n: s.n + quantity }),
    Reserved: s => s,
    Released: s => s,
  },
  commands: { note: None },
  decide: { note: () => [] },
})

// --- state
const Shelf = z.object({ status: z.enum(['empty', 'full']), n: z.int() })
decider(Stock, {
  initial: Shelf.parse({}),
  // @ts-expect-error '"broken"' is not assignable to type '"empty" | "full"'
  evolve: { Restocked: s => ({ ...s, status: 'broken' }), Reserved: s => s, Released: s => s },
  commands: { note: None },
  decide: { note: () => [] },
})
decider(Stock, {
  initial: { n: 0, open: false },
  // @ts-expect-error Property 'n' is missing
  evolve: { Restocked: s => s, Reserved: s => s, Released: () => ({ open: true }) },
  commands: { note: None },
  decide: { note: () => [] },
})
decider(Stock, {
  initial: Shelf.parse({}),
  evolve: { Restocked: s => s, Reserved: s => s, Released: s => s },
  commands: { note: None },
  // @ts-expect-error types '"empty" | "full"' and '"broken"' have no overlap
  decide: { note: s => (s.status === 'broken' ? [] : []) },
})

// --- decide
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None, count: None },
  // @ts-expect-error Property 'count' is missing
  decide: { note: () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error 'count' does not exist in type
  decide: { note: () => [], count: () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error '"order"' is not assignable to type '"stock"'
  decide: { note: () => Order.Paid({}) },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error is not assignable to type
  decide: { note: () => [Stock.Released({}), Order.Paid({})] },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error Promise<never[]>
  decide: { note: async () => [] },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error is not assignable to type
  decide: { note: s => (s.n > 0 ? Stock.Released({}) : undefined) },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { count: Qty },
  // @ts-expect-error Property 'amount' does not exist on type '{ qty: number; }'
  decide: { count: (_, { amount }) => Stock.Restocked({ qty: amount }) },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  // @ts-expect-error Property 'user' does not exist on type 'Context & Prepared
  decide: { note: (_, __, { user }) => reject('no', user) },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  decide: { note: () => [] },
  // @ts-expect-error there is no field total
  expose: z.object({ total: z.int() }),
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  decide: { note: () => [] },
  // @ts-expect-error Property 'every' is missing
  snapshot: { version: 2 },
})
// @ts-expect-error 'number' is not assignable to parameter of type 'string'
reject(404)
// @ts-expect-error 'Date' is not assignable to type 'never'
reject('no', { at: new Date(0) })
// @ts-expect-error 'bigint' is not assignable to type 'never'
reject('no', { lines: [{ cents: 1n }] })
// @ts-expect-error Type '() => void' is not assignable to type 'never'
reject('no', new Map([['a', 1]]))

// --- events
const when = z.object({ day: z.string() })
// @ts-expect-error an event schema gives what it takes, and takes what JSON holds
events('a', { Past: when.extend({ day: z.coerce.date() }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ day: z.string().default('today') }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.transform(({ day }) => day) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ day: z.array(z.string().transform(Number)) }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ day: z.date() }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ day: z.array(z.object({ at: z.date().optional() })) }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ n: z.bigint() }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ m: z.map(z.string(), z.string()) }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ s: z.set(z.string()).nullable() }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Past: when.extend({ u: z.unknown(), s: z.record(z.string(), z.date()) }) })
// @ts-expect-error an event schema gives what it takes
events('a', { Fine: when, Past: z.union([when, z.object({ n: z.bigint() })]) })
// @ts-expect-error 'number' is not assignable to type 'string'
Order.Placed({ customerId: 1 })
// @ts-expect-error Property 'customerId' is missing
Order.Placed({})
// @ts-expect-error Property 'Shipped' does not exist
Order.Shipped({})

// --- old payloads, and types that were
// @ts-expect-error Property 'customerId' is missing
upcast(z.object({ customerId: z.string() }), z.object({ customer: z.string() }), old => ({ customer: old.customer }))
// @ts-expect-error Property 'client' does not exist on type '{ customer: string; }'
upcast(z.object({ customerId: z.string() }), z.object({ customer: z.string() }), old => ({ customerId: old.client }))
// @ts-expect-error '"Shiped"' is not assignable to type
events('a', { Shipped: None }, { was: { Sent: 'Shiped' } })
// @ts-expect-error Property 'Shiped' does not exist
events('a', { Shipped: None }, { was: { Sent: split(None, (_, a) => [a.Shiped({})]) } })
// @ts-expect-error '"order"' is not assignable to type '"a"'
events('a', { Shipped: None }, { was: { Sent: split(None, () => [Order.Paid({})]) } })

// --- commands
// @ts-expect-error 'string' is not assignable to type 'number'
stock.restock('s1', { qty: '1' })
// @ts-expect-error Property 'qty' is missing
stock.restock('s1', {})
// @ts-expect-error 'quantity' does not exist in type
stock.restock('s1', { qty: 1, quantity: 1 })
// @ts-expect-error Expected 2 arguments
stock.restock('s1')
// @ts-expect-error 'number' is not assignable to parameter of type 'string'
stock.restock(1, { qty: 1 })
// @ts-expect-error Property 'restok' does not exist
stock.restok('s1', { qty: 1 })

// --- rows
const Payment = events('payment', { Charged: z.object({ cents: z.int() }), Paid: z.object({ by: z.string() }) })
const N = z.object({ n: z.number() })
const start = { n: 0 }
// @ts-expect-error Did you mean to write 'Placed'?
projection('x', { from: Order, row: N, initial: start, evolve: { Placedd: () => start } })
// @ts-expect-error there is no event Placedd; did you mean Placed?
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: row => row, Placedd: (row: { n: number }) => row } })
// @ts-expect-error 'Charged' does not exist in type
projection('x', { from: Order, row: N, initial: start, evolve: { Charged: () => start } })
// @ts-expect-error 'Paid' does not exist in type
projection('x', { from: [Order, Payment], row: N, initial: start, evolve: { Paid: () => start } })
// @ts-expect-error ''payment.Placed'' does not exist in type
projection('x', { from: [Order, Payment], row: N, initial: start, evolve: { 'payment.Placed': () => start } })
// @ts-expect-error Property 'cents' does not exist on type '{ customerId: string; }'
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: (row, { cents }) => ({ n: row.n + cents }) } })
// @ts-expect-error Property 'm' does not exist on type '{ n: number; }'
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: row => ({ n: row.m }) } })
// @ts-expect-error Property 'n' is missing in type '{ m: number; }'
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: () => ({ m: 1 }) } })
// @ts-expect-error Promise<{ n: number; }>
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: async row => row } })
// @ts-expect-error Type 'undefined' is not assignable to type '{ n: number; } | null'
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: () => undefined } })
// @ts-expect-error Type '{ n: string; }' is not assignable to type '{ n: number; }'
projection('x', { from: Order, row: N, initial: start, evolve: { Placed: (_, __, ___, key) => ({ n: key }) } })
// @ts-expect-error Type 'string' is not assignable to type 'number'
projection('x', { from: Order, row: N, initial: { n: '0' }, evolve: { Placed: row => row } })
// @ts-expect-error Property 'nope' does not exist on type '{ customerId: string; }'
projection('x', { from: Order, row: N, initial: start, key: { Placed: data => data.nope }, evolve: { Placed: row => row } })
// @ts-expect-error Did you mean to write 'Placed'?
projection('x', { from: Order, row: N, initial: start, key: { Placedd: () => 'a' }, evolve: { Placed: row => row } })
// @ts-expect-error Type 'number' is not assignable to type 'One<string>'
projection('x', { from: Order, row: N, initial: start, key: { Placed: () => 5 }, evolve: { Placed: row => row } })
// @ts-expect-error '"m"' is not assignable to type '"n"'
projection('x', { from: Order, row: N, initial: start, indexes: ['m'], evolve: { Placed: row => row } })

// --- questions
const OrderRow = z.object({ customerId: z.string(), status: z.enum(['placed', 'paid']), total: z.int() })
const orders = projection('orders', {
  from: Order,
  row: OrderRow,
  initial: { customerId: '', status: 'placed', total: 0 },
  indexes: ['customerId', 'status'],
  evolve: { Placed: row => row },
})
const params = z.object({ id: z.string() })
// @ts-expect-error 'total' does not exist in type
query('q', { params, run: async (_, read) => read(orders).list({ total: 1 }) })
// @ts-expect-error '"nope"' is not assignable to type '"paid" | "placed" | RowConditions<"paid" | "placed"> | undefined'
query('q', { params, run: async (_, read) => read(orders).list({ status: 'nope' }) })
// @ts-expect-error 'number' is not assignable to type 'string | RowConditions<string> | undefined'
query('q', { params, run: async (_, read) => read(orders).count({ customerId: 5 }) })
// @ts-expect-error '"total"' is not assignable to type 'readonly SortBy<"customerId" | "status">[] | SortBy<
query('q', { params, run: async (_, read) => read(orders).list({}, { sort: 'total' }) })
// @ts-expect-error Object is possibly 'null'
query('q', { params, run: async ({ id }, read) => (await read(orders).get(id)).total })
// @ts-expect-error Property 'name' does not exist on type '{ id: string; }'
query('q', { params, run: async ({ name }) => name })
// @ts-expect-error is not assignable to parameter of type 'Projection
query('q', { params, run: async (_, read) => read(Order) })
// @ts-expect-error Type 'number' is not assignable to type 'Promise<unknown>'
query('q', { params, run: () => 5 })
// @ts-expect-error Type 'ZodString' is missing the following properties from type 'ZodObject
query('q', { params: z.string(), run: async () => 1 })
// @ts-expect-error Type '"5 fortnights"' is not assignable to type
query('q', { params, cache: { ttl: '5 fortnights' }, run: async () => 1 })
// @ts-expect-error Property 'name' does not exist on type '{ id: string; }'
query('q', { params, cache: { ttl: '1 minute', tags: ({ name }) => [name] }, run: async () => 1 })
// @ts-expect-error is not assignable to type '{ readonly n: number; }'
query('q', { params, answer: N, run: async () => ({ n: 'x' }) })

// --- effects
// @ts-expect-error Did you mean '"Placed"'?
processor('p', { from: Order, types: ['Placedd'], handle: () => {} })
// @ts-expect-error Property 'cents' does not exist on type '{ customerId: string; }'
processor('p', { from: Order, types: ['Placed'], handle: ([event]) => event?.data.cents })
// @ts-expect-error Type '"2030-03-31T02:30:00"' is not assignable to type
processor('p', { from: Order, start: { at: '2030-03-31T02:30:00' }, handle: () => {} })
// @ts-expect-error Type 'number' is not assignable to type 'string'
processor('p', { from: Order, key: () => 5, handle: () => {} })
// @ts-expect-error Property 'handle' is missing
processor('p', { from: Order })

// --- processes
const order = decider(Order, {
  initial: {},
  evolve: { Placed: s => s, Paid: s => s },
  commands: { pay: None, ship: z.object({ to: z.string() }) },
  decide: { pay: () => [], ship: () => [] },
})
const zero = { n: 0 }
const from = { from: Order, to: order, begins: 'Placed', initial: zero, on: { rejected: () => [] } } as const
// @ts-expect-error Type '() => Command<"stock", "restock", { qty: number; }>' is not assignable to type
processManager('p', { ...from, evolve: {}, react: { Placed: () => stock.restock('x', { qty: 1 }) } })
// @ts-expect-error Type 'number' is not assignable to type 'string'
processManager('p', { ...from, evolve: {}, react: { Placed: (_, { customerId }) => order.ship(customerId, { to: 1 }) } })
// @ts-expect-error Did you mean to write 'Placed'?
processManager('p', { ...from, evolve: {}, react: { Placedd: () => [] } })
// @ts-expect-error Type '() => { m: number; }' is not assignable to type
processManager('p', { ...from, evolve: { Placed: () => ({ m: 1 }) }, react: {} })
// @ts-expect-error Property 'm' does not exist on type '{ n: number; }'
processManager('p', { ...from, evolve: {}, react: { Placed: state => (state.m ? [] : []) } })
// @ts-expect-error Argument of type '"5 fortnights"' is not assignable
processManager('p', { ...from, evolve: {}, react: { Placed: () => after('5 fortnights', 'x') } })
// @ts-expect-error is not assignable to parameter of type '"a time has its zone, such as 2030-01-31T12:00:00Z"'
at('2030-03-31T02:30:00', 'x')
// @ts-expect-error Type '() => Timer<Command<"stock", "restock", { qty: number; }>>' is not assignable to type
processManager('p', { ...from, evolve: {}, react: { Placed: () => after('5 minutes', 'x', stock.restock('x', { qty: 1 })) } })
// @ts-expect-error the types '"pay" | "ship"' and '"nope"' have no overlap
processManager('p', { ...from, evolve: {}, react: {}, on: { rejected: (_, { command }) => command.command === 'nope' && [] } })
// @ts-expect-error Type '"Placedd"' is not assignable to type
processManager('p', { ...from, evolve: {}, react: {}, begins: 'Placedd' })
// @ts-expect-error Property 'rejected' is missing
processManager('p', { ...from, evolve: {}, react: {}, on: { due: () => [] } })
// @ts-expect-error Type '"end"' is not assignable to type
processManager('p', { ...from, evolve: {}, react: {}, start: 'end' })
const begun = { from: Order, to: order } as const
// @ts-expect-error Property 'nope' does not exist on type '{ customerId: string; }'
saga('s', { ...begun, begins: { Placed: data => data }, steps: [{ run: data => order.pay(data.nope, {}) }] })
// @ts-expect-error Type 'Command<"stock", "restock", { qty: number; }>' is not assignable to type
saga('s', { ...begun, begins: { Placed: () => 1 }, steps: [{ run: () => stock.restock('x', { qty: 1 }) }] })
const late = { run: () => order.pay('x', {}), timeout: '1 minute' } as const
// @ts-expect-error Type '"Payed"' is not assignable to type
saga('s', { ...begun, begins: { Placed: () => 1 }, steps: [{ ...late, until: 'Payed' }] })

// --- sending
const emaki = await runtime({ serve: [stock] })
// @ts-expect-error does not exist in type 'Served'
await runtime({ serve: [{ name: 'stock' }] })
// @ts-expect-error is missing the following properties from type 'Command
await emaki.send({ command: 'restock', id: 's1' })
const sent = await emaki.send(stock.restock('s1', { qty: 1 }))
// @ts-expect-error Property 'position' does not exist on type
console.log(sent.position)
// @ts-expect-error and '"acepted"' have no overlap
console.log(sent.outcome === 'acepted')
// @ts-expect-error '"missing"' is not assignable to type
await emaki.send(stock.restock('s1', { qty: 1 }), { expect: 'missing' })
// @ts-expect-error Object is possibly 'null'
console.log((await emaki.row(orders, 'o1')).total)
const byId = query('by-id', { params, run: async ({ id }, read) => read(orders).get(id) })
// @ts-expect-error 'number' is not assignable to type 'string'
await emaki.query(byId, { id: 5 })
// @ts-expect-error Property 'tail' does not exist on type
console.log(emaki.tail)

// --- importMap
importMap({
  from: Stock,
  record: Qty,
  // @ts-expect-error is not assignable to type
  map: ({ qty }) => ({ stream: `order-${qty}`, event: Order.Paid({}) }),
})
importMap({
  from: Stock,
  record: Qty,
  // @ts-expect-error Property 'quantity' does not exist
  map: ({ quantity }) => ({ stream: 'stock-a', event: Stock.Restocked({ qty: quantity }) }),
})
