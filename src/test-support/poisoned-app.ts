// An app of its own process whose projection cannot take one event until MENDED is set: for the verbs on what is parked.
import { z } from 'zod'
import { app } from '../../routes/index.ts'
import { decider, events, projection } from '../index.ts'

const Sum = events('sum', { Added: z.object({ n: z.int() }) })
const sum = decider(Sum, {
  initial: {},
  evolve: { Added: s => s },
  commands: { add: z.object({ n: z.int() }) },
  decide: { add: (_, data) => Sum.Added(data) },
})
const sums = projection('sums', {
  from: Sum,
  row: z.object({ total: z.int() }),
  initial: { total: 0 },
  evolve: {
    Added: ({ total }, { n }) => {
      if (n === 13 && !process.env['MENDED']) throw new Error('thirteen')
      return { total: total + n }
    },
  },
})

export default app({ serve: [sum, sums] })
