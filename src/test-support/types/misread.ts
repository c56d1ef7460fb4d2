// Reads that must not compile. See refused.ts.
import { z } from 'zod'
import { decider, events, projection, type Reads } from '../../index.ts'

const Stock = events('stock', { Restocked: z.object({ qty: z.int() }) })
const stock = decider(Stock, {
  initial: { qty: 0 },
  evolve: { Restocked: (_, { qty }) => ({ qty }) },
  commands: { restock: z.object({ qty: z.int() }) },
  decide: { restock: (_, data) => Stock.Restocked(data) },
})
const shelves = projection('shelves', {
  from: Stock,
  row: z.object({ name: z.string(), qty: z.int(), note: z.string() }),
  initial: { name: '', qty: 0, note: '' },
  indexes: ['name', 'qty'],
  evolve: { Restocked: (row, { qty }) => ({ ...row, qty }) },
})

export async function readWrong({ rows, row, state }: Reads): Promise<void> {
  // @ts-expect-error 'note' does not exist in type
  await rows(shelves, { where: { note: 'x' } })
  // @ts-expect-error is not assignable to type
  await rows(shelves, { where: { qty: { gte: '5' } } })
  // @ts-expect-error Type 'string' is not assignable to type 'undefined'
  await rows(shelves, { where: { qty: { prefix: '5' } } })
  // @ts-expect-error is not assignable to type
  await rows(shelves, { sort: ['note'] })
  // @ts-expect-error Property 'price' does not exist
  ;(await row(shelves, 'a'))?.price
  // @ts-expect-error Property 'cents' does not exist
  ;(await state(stock, 'a'))?.state.cents
}
