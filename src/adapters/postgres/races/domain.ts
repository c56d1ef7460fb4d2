// What the races' commands are about. Every event has a token and says what it was decided on.
import { z } from 'zod'
import { type Decider, decider } from '../../../definitions/decider/decider.ts'
import { reject } from '../../../definitions/decider/reject.ts'
import { type Events, events } from '../../../definitions/event/events.ts'

const token = z.string()
const commands = { add: z.object({ token }) }
type Count = { readonly count: number }

/** How often each command of this process was decided, by its token. */
export const decided: Map<string, number> = new Map()

const counted = { Added: z.object({ token, to: z.int() }) }
export const Counter: Events<'counter', typeof counted> = events('counter', counted)
/** Counts: the event says to what, which is its version where no update was lost. */
export const counter: Decider<'counter', Count, typeof commands> = decider(Counter, {
  initial: { count: 0 } as Count,
  evolve: { Added: ({ count }) => ({ count: count + 1 }) },
  commands,
  decide: {
    add: ({ count }, { token }) => {
      decided.set(token, (decided.get(token) ?? 0) + 1)
      return Counter.Added({ token, to: count + 1 })
    },
  },
})

const seatCommands = { take: z.object({ token }), leave: z.object({ token }) }
type Taking = { readonly taken: boolean; readonly last: string | null }

const Seat = events('seat', { Taken: z.object({ token }), Left: z.object({ token }) })
/** Is taken and left in turn: a rejection names the event for which it is one. */
export const seat: Decider<'seat', Taking, typeof seatCommands> = decider(Seat, {
  initial: { taken: false, last: null } as Taking,
  evolve: {
    Taken: (_, { token }) => ({ taken: true, last: token }),
    Left: (_, { token }) => ({ taken: false, last: token }),
  },
  commands: seatCommands,
  decide: {
    take: ({ taken, last }, { token }) => (taken ? reject('taken', { because: last }) : Seat.Taken({ token })),
    leave: ({ taken, last }, { token }) => (taken ? Seat.Left({ token }) : reject('free', { because: last })),
  },
})
