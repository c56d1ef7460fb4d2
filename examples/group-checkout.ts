// A process that a command begins, and that has facts of its own: guests of a hotel check out as a group.
import { decider, events, processManager, reject } from 'emaki'
import { z } from 'zod'

const None = z.object({})
const Stays = z.object({ stays: z.array(z.string()).min(1).max(100) })
const InGroup = z.object({ group: z.string() })

const Stay = events('stay', { Paid: None, CheckedOut: InGroup })
export const stay = decider(Stay, {
  initial: { isPaid: false },
  evolve: { Paid: () => ({ isPaid: true }), CheckedOut: state => state },
  commands: { pay: None, checkOut: InGroup },
  decide: {
    pay: () => Stay.Paid({}),
    checkOut: ({ isPaid }, { group }) => (isPaid ? Stay.CheckedOut({ group }) : reject('unpaid')),
  },
})

const Group = events('group', { Initiated: Stays, Refused: z.object({ stay: z.string() }), Completed: None, Failed: Stays })
/** Anybody may begin a checkout. The rest is what the process says of itself. */
export const group = decider(Group, {
  initial: { isOpen: true },
  evolve: { Initiated: () => ({ isOpen: false }), Refused: state => state, Completed: state => state, Failed: state => state },
  commands: { initiate: Stays, refuse: z.object({ stay: z.string() }), complete: None, fail: Stays },
  internal: ['refuse', 'complete', 'fail'],
  decide: {
    initiate: ({ isOpen }, stays) => (isOpen ? Group.Initiated(stays) : reject('already-initiated')),
    refuse: (_, refused) => Group.Refused(refused),
    complete: () => Group.Completed({}),
    fail: (_, stays) => Group.Failed(stays),
  },
})

type Checkout = { readonly open: readonly string[]; readonly refused: readonly string[] }
const initial: Checkout = { open: [], refused: [] }
const without = (stays: readonly string[], one: string) => stays.filter(stay => stay !== one)
const ending = ({ open, refused }: Checkout, id: string) =>
  open.length ? [] : refused.length ? group.fail(id, { stays: [...refused] }) : group.complete(id, {})

export const checkout = processManager('checkout', {
  from: [Group, Stay],
  to: [group, stay],
  begins: 'Initiated',
  key: { CheckedOut: ({ group }) => group },
  initial,
  evolve: {
    Initiated: (_, { stays }) => ({ open: stays, refused: [] }),
    CheckedOut: (state, _, { instance }) => ({ ...state, open: without(state.open, instance) }),
    Refused: ({ open, refused }, { stay }) => ({ open: without(open, stay), refused: [...refused, stay] }),
    Completed: () => null,
    Failed: () => null,
  },
  react: {
    Initiated: (_, { stays }, { instance }) => stays.map(one => stay.checkOut(one, { group: instance })),
    CheckedOut: (state, _, __, id) => ending(state, id),
    Refused: (state, _, __, id) => ending(state, id),
  },
  on: { rejected: (_, { command }, id) => (command.decider === 'stay' ? group.refuse(id, { stay: command.id }) : []) },
})
