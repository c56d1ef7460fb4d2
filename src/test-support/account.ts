// A decider for tests: every kind of decision there is, and a state that says on what it was decided.
import { z } from 'zod'
import { type Decider, decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'

const Moved = z.object({ cents: z.int(), note: z.string() })
export const Account = events('account', { Deposited: Moved, Withdrawn: Moved })

const Move = z.object({ cents: z.int().positive(), note: z.string().default('') })
const commands = {
  /** Gives as many events. */
  deposit: Move.extend({ times: z.int().positive().default(1) }),
  /** Rejected with the state it was decided on when there is too little. */
  withdraw: Move,
  /** Gives no event. */
  touch: z.object({}),
  /** Throws. */
  explode: z.object({}),
}
type State = { readonly balance: number; readonly version: number }

export const account: Decider<'account', State, typeof commands> = decider(Account, {
  initial: { balance: 0, version: 0 } as State,
  evolve: {
    Deposited: ({ balance, version }, { cents }) => ({ balance: balance + cents, version: version + 1 }),
    Withdrawn: ({ balance, version }, { cents }) => ({ balance: balance - cents, version: version + 1 }),
  },
  commands,
  decide: {
    deposit: (_, { cents, note, times }) => Array.from({ length: times }, () => Account.Deposited({ cents, note })),
    withdraw: (state, { cents, note }) =>
      state.balance < cents ? reject('insufficient', state) : Account.Withdrawn({ cents, note }),
    touch: () => [],
    explode: () => {
      throw new Error('a secret of the decision')
    },
  },
  expose: z.object({ balance: z.int() }),
})
