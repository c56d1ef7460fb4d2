// Rules of access, schedules and loops over the log that must not compile, as refused.ts has others. It is never run.
import { z } from 'zod'
import { allow, decider, events, every, projection, query, runtime, schedule } from '../../index.ts'

const None = z.object({})
const Order = events('order', { Placed: None, Closed: None })
const order = decider(Order, {
  initial: { isOpen: false },
  evolve: { Placed: () => ({ isOpen: true }), Closed: () => ({ isOpen: false }) },
  commands: { place: None, close: z.object({ at: z.string().transform(Number) }) },
  decide: { place: () => [], close: () => [] },
})
const orders = projection('orders', {
  from: Order,
  row: z.object({ status: z.enum(['open', 'done']), zone: z.string() }),
  initial: { status: 'open', zone: '' },
  indexes: ['status'],
  evolve: { Placed: row => row },
})
const byTime = query('by-time', { params: z.object({ at: z.string().transform(Number) }), run: async ({ at }) => at })

// --- allow: a rule gets what the schema gives
allow(byTime, ({ params }) => params.at > 3)
allow(order, { commands: { close: ({ data, state }) => state.isOpen && data.at > 3 } })
allow(orders, { read: 'all', visible: actor => actor.id === 'ada' || { status: 'open' } })

// --- allow: what there is not
// @ts-expect-error 'comands' does not exist in type 'DeciderRules<
allow(order, { comands: 'all' })
// @ts-expect-error 'colse' does not exist in type
allow(order, { commands: { colse: 'all' } })
// @ts-expect-error Property 'isOpne' does not exist on type '{ isOpen: boolean; }'. Did you mean 'isOpen'?
allow(order, { state: ({ state }) => state.isOpne })
// @ts-expect-error Property 'quantity' does not exist on type '{ at: number; }'
allow(byTime, ({ params }) => params.quantity > 3)
// @ts-expect-error Type '{ zone: string; }' is not assignable to type '{ readonly status?: "done" | "open"; } | Verdict'
allow(orders, { visible: () => ({ zone: 'a' }) })
// @ts-expect-error 'stream' does not exist in type 'ProjectionRules<
allow(orders, { stream: 'all' })
// @ts-expect-error 'read' does not exist in type '(ask: QueryAsk<
allow(byTime, { read: 'all' })
// @ts-expect-error is not assignable to parameter of type 'Definition'
allow(Order, 'all')
// @ts-expect-error Argument of type '"nobody"' is not assignable to parameter of type 'DeciderRules<{ isOpen: boolean; }
allow(order, 'nobody')
// @ts-expect-error Type 'Promise<boolean>' is not assignable to type 'Verdict'
allow(byTime, async () => true)

// --- every
// @ts-expect-error Expected 2 arguments, but got 1
every('0 3 * * *')
// @ts-expect-error Property 'zone' is missing
every('0 3 * * *', {})
// @ts-expect-error Type 'number' is not assignable to type 'string'
every('0 3 * * *', { zone: 2 })

// --- schedule
const nightly = every('0 3 * * *', { zone: 'UTC' })
// @ts-expect-error Property 'every' is missing
schedule('nightly', { to: order, send: () => order.place('o1', {}) })
// @ts-expect-error Type 'string' is not assignable to type 'Recurrence'
schedule('nightly', { every: '0 3 * * *', to: order, send: () => order.place('o1', {}) })
// @ts-expect-error Property 'palce' does not exist on type 'Decider<"order", { isOpen: boolean; },
schedule('nightly', { every: nightly, to: order, send: () => order.palce('o1', {}) })
// @ts-expect-error Type '"lats"' is not assignable to type '"last" | "none"'
schedule('nightly', { every: nightly, to: order, missed: 'lats', send: () => [] })

// --- follow
async function follow(): Promise<void> {
  const emaki = await runtime({ serve: [order] })
  // @ts-expect-error Did you mean '"Placed"'?
  emaki.follow({ from: Order, types: ['Plcaed'] })
  // @ts-expect-error Did you mean '"head"'?
  emaki.follow({ from: Order, until: 'hed' })
  // @ts-expect-error Did you mean '"beginning"'?
  emaki.follow({ from: Order, start: 'begining' })
}
void follow
