// What must not compile. Above each wrong line stands what the compiler is expected to say there: types.test.ts takes these comments
// away and compares. It is never run.
import { z } from 'zod'
import { decider, events, importMap, reject, runtime, split, upcast } from '../../index.ts'

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
  // @ts-expect-error is not assignable to type 'never'
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
  // @ts-expect-error Property 'user' does not exist on type 'Context'
  decide: { note: (_, __, { user }) => reject('no', user) },
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  decide: { note: () => [] },
  // @ts-expect-error is not assignable to type
  expose: z.object({ total: z.int() }),
})
decider(Stock, {
  initial: { n: 0 },
  evolve: fold,
  commands: { note: None },
  decide: { note: () => [] },
  // @ts-expect-error Property 'version' is missing
  snapshot: { every: 10 },
})
// @ts-expect-error 'number' is not assignable to parameter of type 'string'
reject(404)

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
