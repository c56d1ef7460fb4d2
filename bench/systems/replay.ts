// W6: the log read by a subscription's own reader and folded, nothing written.
import { memoryBus, type Store } from 'emaki'
import { foldEvent, rowEvents } from '../../src/definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { Reader } from '../../src/subscription/reader.ts'
import { type Tail, tail } from '../../src/subscription/tail.ts'
import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { cancellations, orders } from '../order.ts'
import { expectedRows, type OrdersLog, sizeNote, wrongRows } from './orders-log.ts'

export type Folded = { readonly rows: ReadonlyMap<string, object | null>; readonly events: number }

/** Rows by key, from all that a projection reads of the log. */
export async function folded(store: Store, head: Tail, projection: ProjectionSpec): Promise<Folded> {
  const reader = new Reader(store, head, projection.filter)
  const rows = new Map<string, object | null>()
  let events = 0
  for (let after = 0; ; ) {
    const page = await reader.next(after)
    if (!page) return { rows, events }
    for (const stored of page.events)
      for (const rowEvent of rowEvents(projection, stored))
        rows.set(rowEvent.key, foldEvent(projection, rows.get(rowEvent.key) ?? null, rowEvent))
    events += page.events.length
    after = page.to
  }
}

/** Folds all of the log into the rows of its orders. */
export function folds(log: OrdersLog): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const { where, events } = await log.filled(arena)
      const { store, head, close } = await followed(log.store(where))
      let last: Folded = { rows: new Map(), events: 0 }
      return {
        run: () =>
          whole(log.system === 'sqlite' ? null : arena.server.pid, async () => {
            last = await folded(store, head, orders[spec])
            return last.events
          }),
        check: async () => {
          if (last.events !== events) return `${events} events were there to be folded; ${last.events} were`
          const found = new Map([...last.rows].map(([key, row]) => [key, JSON.stringify(row)]))
          return wrongRows(found, await expectedRows(log, where))
        },
        note: () => sizeNote(arena),
        close,
      }
    },
  }
}

/** Folds the one event in a hundred whose type the projection names; valued by the events of the log that it passed. */
export function foldsFew(log: OrdersLog): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const { where, events } = await log.filled(arena)
      const { store, head, close } = await followed(log.store(where))
      let found = 0
      return {
        run: () =>
          whole(arena.server.pid, async () => {
            found = (await folded(store, head, cancellations[spec])).events
            return events
          }),
        check: async () => {
          const [row] = await log.query<{ many: number }>(
            where,
            `select count(*)::int as many from events where type = 'Cancelled'`,
          )
          return found === row!.many ? null : `${row!.many} orders were cancelled; found ${found}`
        },
        note: () => [`${found} of ${events} events match`, sizeNote(arena)].filter(Boolean).join('; '),
        close,
      }
    },
  }
}

async function followed(store: Store): Promise<{ store: Store; head: Tail; close: () => Promise<void> }> {
  await store.open()
  const head = tail({ store, bus: memoryBus(), report: console.error })
  await head.start()
  const close = async () => {
    await head.close()
    await store.close()
  }
  return { store, head, close }
}
