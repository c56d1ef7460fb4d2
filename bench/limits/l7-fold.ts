import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { type Basket, type OrderRow, totalOf } from '../order.ts'
import { expectedRows, type OrdersLog, sizeNote, wrongRows } from '../systems/orders-log.ts'

type Text = { readonly stream: string; readonly type: string; readonly data: string }

/** L7: JSON.parse and the same fold, by hand, over the payloads in memory. */
export function foldInMemory(log: OrdersLog): Contestant {
  return {
    system: 'bun',
    open: async arena => {
      const { where } = await log.filled(arena)
      const texts = await log.query<Text>(where, 'select stream, type, data from events order by position')
      let rows = new Map<string, OrderRow>()
      return {
        run: () =>
          whole(null, async () => {
            rows = foldedByHand(texts)
            return texts.length
          }),
        check: async () => {
          const found = new Map([...rows].map(([stream, row]) => [stream.slice('order-'.length), JSON.stringify(row)]))
          return wrongRows(found, await expectedRows(log, where))
        },
        note: () => sizeNote(arena),
        close: async () => {},
      }
    },
  }
}

function foldedByHand(texts: readonly Text[]): Map<string, OrderRow> {
  const rows = new Map<string, OrderRow>()
  for (const { stream, type, data } of texts) rows.set(stream, next(rows.get(stream), type, JSON.parse(data)))
  return rows
}

function next(row: OrderRow | undefined, type: string, data: unknown): OrderRow {
  if (type === 'Cancelled') return { ...row!, status: 'cancelled' }
  // What is not a cancellation holds a basket.
  const { customerId, items } = data as Basket
  if (type === 'Placed') return { status: 'placed', customerId, total: totalOf(items), revisions: 0 }
  return { ...row!, total: totalOf(items), revisions: row!.revisions + 1 }
}
