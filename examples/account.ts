import { decider, events, reject } from 'emaki'
import { main } from 'emaki/cli'
import { app } from 'emaki/http'
import { z } from 'zod'

const Cents = z.object({ cents: z.int().positive() })

// Facts. Their types are the stored format.
const Account = events('account', {
  Opened: z.object({ owner: z.string().min(1) }),
  Deposited: Cents,
  Withdrawn: Cents,
})

// A state, how each fact changes it, and what each command comes to.
const account = decider(Account, {
  initial: { owner: '', cents: 0 },
  evolve: {
    Opened: (account, { owner }) => ({ ...account, owner }),
    Deposited: (account, { cents }) => ({ ...account, cents: account.cents + cents }),
    Withdrawn: (account, { cents }) => ({ ...account, cents: account.cents - cents }),
  },
  commands: {
    open: z.object({ owner: z.string().min(1) }),
    deposit: Cents,
    withdraw: Cents,
  },
  decide: {
    open: (account, { owner }) => (account.owner === '' ? Account.Opened({ owner }) : reject('already-open')),
    deposit: (account, { cents }) => (account.owner === '' ? reject('not-open') : Account.Deposited({ cents })),
    withdraw: (account, { cents }) =>
      account.cents < cents ? reject('not-enough', { cents: account.cents }) : Account.Withdrawn({ cents }),
  },
  expose: z.object({ owner: z.string(), cents: z.int() }),
})

// POST /account/{id}/deposit, GET /account/{id}, GET /streams/account-{id}, /docs …
await main(app({ serve: [account] }))
