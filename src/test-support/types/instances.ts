// Instances that a decision reads, and are none. As in refused.ts, a comment above each wrong line has what the compiler says.
import { z } from 'zod'
import { decider, events } from '../../index.ts'
import { decide } from '../../testing/index.ts'

const Customer = events('customer', { Blocked: z.object({}) })
const customer = decider(Customer, {
  initial: { isBlocked: false },
  evolve: { Blocked: _ => ({ isBlocked: true }) },
  commands: { block: z.object({}) },
  decide: { block: () => Customer.Blocked({}) },
})
const Bill = events('bill', { Paid: z.object({ n: z.int() }) })
const whole = {
  initial: { n: 0 },
  evolve: { Paid: (state: { n: number }) => state },
  commands: { pay: z.object({ customerId: z.string(), n: z.int() }), merge: z.object({ into: z.string() }), look: z.object({}) },
}
const bill = decider(Bill, {
  ...whole,
  reads: {
    pay: ({ customerId }) => ({ customer: [customer, customerId] }),
    merge: ({ into }, { self }) => ({ other: self(into) }),
  },
  decide: {
    pay: (_, { n }, { read }) => (read.customer.isBlocked ? [] : Bill.Paid({ n })),
    merge: ({ n }, _, { read }) => Bill.Paid({ n: n + read.other.n }),
    look: (_, __, { read }) => (read === null ? [] : []),
  },
})

const decides = { pay: () => [], merge: () => [], look: () => [] }
// @ts-expect-error there is no command pya; did you mean pay?
decider(Bill, { ...whole, reads: { pya: () => ({ customer: [customer, 'c'] }) }, decide: decides })
// @ts-expect-error Type 'number' is not assignable to type 'string'
decider(Bill, { ...whole, reads: { pay: ({ n }) => ({ customer: [customer, n] }) }, decide: decides })
decider(Bill, {
  ...whole,
  reads: { pay: ({ customerId }) => ({ customer: [customer, customerId] }) },
  decide: {
    ...decides,
    // @ts-expect-error Property 'isBlokced' does not exist on type '{ isBlocked: boolean; }'. Did you mean 'isBlocked'?
    pay: (_, __, { read }) => (read.customer.isBlokced ? [] : []),
  },
})

// --- decisions in tests
const paid = bill.pay('a', { customerId: 'c', n: 1 })
decide(bill, { n: 1 }, paid, { read: { customer: { isBlocked: true } }, actor: 'ann' })
decide(bill, { n: 1 }, bill.look('a', {}))
// @ts-expect-error Expected 4 arguments, but got 3
decide(bill, { n: 1 }, paid)
// @ts-expect-error Type 'string' is not assignable to type 'boolean'
decide(bill, { n: 1 }, paid, { read: { customer: { isBlocked: 'yes' } } })
