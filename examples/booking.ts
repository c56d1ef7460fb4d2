import { decider, events, reject } from 'emaki'
import { z } from 'zod'

const Show = events('show', { Cancelled: z.object({}) })
export const show = decider(Show, {
  initial: { isCancelled: false },
  evolve: { Cancelled: _ => ({ isCancelled: true }) },
  commands: { cancel: z.object({}) },
  decide: { cancel: state => (state.isCancelled ? [] : Show.Cancelled({})) },
})

const Booking = events('booking', { Booked: z.object({ seats: z.int() }) })
export const booking = decider(Booking, {
  initial: { seats: 0 },
  evolve: { Booked: (state, { seats }) => ({ seats: state.seats + seats }) },
  commands: { book: z.object({ show: z.string(), seats: z.int().min(1) }) },
  reads: { book: data => ({ show: [show, data.show] }) },
  decide: {
    book: (_, { seats }, { read }) => (read.show.isCancelled ? reject('cancelled') : Booking.Booked({ seats })),
  },
})
