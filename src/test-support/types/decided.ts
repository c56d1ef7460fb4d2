// Commands, preparations and facts that are none of a decider. As in refused.ts, a comment above each wrong line has what the compiler says.
import { z } from 'zod'
import { type Command, decider, events, runtime } from '../../index.ts'
import { decide, evolve } from '../../testing/index.ts'

const Bill = events('bill', { Paid: z.object({ n: z.int() }) })
const Order = events('order', { Paid: z.object({ n: z.int() }) })
const whole = {
  initial: { n: 0 },
  evolve: { Paid: (state: { n: number }) => state },
  commands: { pay: z.object({}), look: z.object({}) },
}
const bill = decider(Bill, {
  ...whole,
  prepare: { pay: async () => ({ rate: 2 }) },
  decide: { pay: (_, __, { prepared }) => Bill.Paid({ n: prepared.rate }), look: () => [] },
})

// --- preparations
const decides = { pay: () => [], look: () => [] }
// @ts-expect-error there is no command pya; did you mean pay?
decider(Bill, { ...whole, prepare: { pya: async () => 1 }, decide: decides })
// @ts-expect-error there is no command other
decider(Bill, { ...whole, prepare: { pay: async () => 1, other: async () => 1 }, decide: decides })

// --- decisions in tests
decide(bill, { n: 1 }, bill.pay('a', {}), { prepared: { rate: 3 }, actor: 'ann' })
decide(bill, { n: 1 }, bill.look('a', {}), { now: new Date(0) })
// @ts-expect-error Type 'string' is not assignable to type 'number'
decide(bill, { n: 1 }, bill.pay('a', {}), { prepared: { rate: '3' } })
// @ts-expect-error Expected 4 arguments, but got 3
decide(bill, { n: 1 }, bill.pay('a', {}))
// @ts-expect-error 'prepared' does not exist in type
decide(bill, { n: 1 }, bill.look('a', {}), { prepared: { rate: 3 } })

// --- facts of a fold
evolve(bill, [Bill.Paid({ n: 1 })])
const decided = decide(bill, { n: 1 }, bill.look('a', {}))
if (decided.outcome === 'accepted') evolve(bill, decided.events, decided.state)
// @ts-expect-error Type '"order"' is not assignable to type '"bill"'
evolve(bill, [Order.Paid({ n: 1 })])

// --- several commands as one
const emaki = await runtime({ serve: [bill] })
const many: readonly Command[] = [1, 2].map(() => bill.look('a', {}))
await emaki.send(many)
await emaki.send([1, 2].map(() => bill.look('a', {})))
