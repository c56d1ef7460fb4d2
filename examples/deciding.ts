import { decider, events, reject } from 'emaki'
import { z } from 'zod'

export const Seat = events('seat', {
  Offered: z.object({}),
  Taken: z.object({ guest: z.string() }),
  Paid: z.object({}),
})

const State = z.object({ isOffered: z.boolean(), guest: z.string().nullable() })

/** One seat of a theatre, which is offered once and taken once. */
export const seat = decider(Seat, {
  initial: State.parse({ isOffered: false, guest: null }),
  evolve: {
    Offered: state => ({ ...state, isOffered: true }),
    Taken: (state, { guest }) => ({ ...state, guest }),
    Paid: state => state,
  },
  commands: { offer: z.object({}), take: z.object({ guest: z.string().min(1).max(200) }), pay: z.object({}) },
  decide: {
    offer: ({ isOffered }) => (isOffered ? [] : Seat.Offered({})),
    take: (state, { guest }) => {
      if (!state.isOffered) return reject('no-such-seat')
      if (state.guest === null) return Seat.Taken({ guest })
      return state.guest === guest ? [] : reject('taken')
    },
    // The news of a payment may come before the guest has the seat.
    pay: ({ guest }) => (guest === null ? reject.later('not-taken', { after: '1 minute' }) : Seat.Paid({})),
  },
  rejections: { 'no-such-seat': 404, taken: { status: 409, title: 'Somebody has this seat' } },
})
