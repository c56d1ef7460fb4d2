// Folds of a decider that read metadata, and those that cannot. As in refused.ts, a comment above each wrong line has what the compiler says.
import { z } from 'zod'
import { decider, events } from '../../index.ts'

const Bill = events('bill', { Paid: z.object({ n: z.int() }) })
const rest = { commands: { pay: z.object({}) }, decide: { pay: () => Bill.Paid({ n: 1 }) } }

decider(Bill, {
  ...rest,
  initial: { by: '' },
  readsMeta: true,
  evolve: { Paid: (state, { n }, { meta }) => ({ ...state, by: `${meta.actor ?? ''}${n.toFixed()}` }) },
})
decider(Bill, { ...rest, initial: { by: '' }, readsMeta: true, evolve: { Paid: state => state } })

type Fact = { readonly meta: { readonly actor?: string } }
const paid = (state: { readonly by: string }, _: unknown, { meta }: Fact) => ({ ...state, by: meta.actor ?? '' })
// @ts-expect-error Target signature provides too few arguments
decider(Bill, { ...rest, initial: { by: '' }, evolve: { Paid: paid } })
decider(Bill, {
  ...rest,
  initial: { by: '' },
  readsMeta: true,
  // @ts-expect-error Property 'actr' does not exist
  evolve: { Paid: (state, _, { meta }) => ({ ...state, by: meta.actr ?? '' }) },
})
