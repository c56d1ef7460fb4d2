import { decider, events, reject } from 'emaki'
import { z } from 'zod'

const Cents = z.int().positive()

export const Payment = events('payment', {
  Requested: z.object({ cents: Cents }),
  Charged: z.object({ cents: Cents }),
  Declined: z.object({ reason: z.string() }),
  Refunded: z.object({ cents: Cents }),
})

/** The payment of one order, in cents. */
export const payment = decider(Payment, {
  initial: { status: 'none' as 'none' | 'requested' | 'charged' | 'declined' | 'refunded', cents: 0 },
  evolve: {
    Requested: (_, { cents }) => ({ status: 'requested', cents }),
    Charged: (_, { cents }) => ({ status: 'charged', cents }),
    Declined: payment => ({ ...payment, status: 'declined' }),
    Refunded: payment => ({ ...payment, status: 'refunded' }),
  },
  commands: {
    request: z.object({ cents: Cents }),
    charge: z.object({ cents: Cents }),
    decline: z.object({ reason: z.string().max(500).default('none given') }),
    refund: z.object({}),
  },
  decide: {
    request: ({ status, cents: wanted }, { cents }) => {
      if (status === 'none') return Payment.Requested({ cents })
      return status === 'requested' && wanted === cents ? [] : reject('not-requestable', { status })
    },
    charge: ({ status, cents: paid }, { cents }) => {
      if (status === 'none' || status === 'requested') return Payment.Charged({ cents })
      return status === 'charged' && paid === cents ? [] : reject('not-chargeable', { status })
    },
    decline: ({ status }, { reason }) => {
      if (status === 'none' || status === 'requested') return Payment.Declined({ reason })
      return status === 'declined' ? [] : reject('not-declinable', { status })
    },
    refund: ({ status, cents }) => {
      if (status === 'charged') return Payment.Refunded({ cents })
      return status === 'refunded' ? [] : reject('not-refundable', { status })
    },
  },
  expose: z.object({ status: z.enum(['none', 'requested', 'charged', 'declined', 'refunded']), cents: z.int() }),
})
