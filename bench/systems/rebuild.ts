// W6: a projection's rows made anew from the beginning of the log, by a runtime as a user starts it.
import { type Runtime, runtime, type Store } from 'emaki'
import { spec } from '../../src/definitions/event/events.ts'
import { tableOf } from '../../src/definitions/projection/projection.ts'
import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { order, orders } from '../order.ts'
import { expectedRows, type OrdersLog, sizeNote, wrongRows } from './orders-log.ts'

const TIMEOUT_MS = 600_000
const table = { name: tableOf(orders[spec]), indexes: orders[spec].indexes }

/** From the start of a runtime that has no rows yet until it has come to the head, all rows durable. */
export function rebuilds(log: OrdersLog): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const { where, events } = await log.filled(arena)
      const run = async () => {
        const store = log.store(where)
        await store.open()
        await store.readModel.drop(table.name)
        const head = await store.head()
        let emaki: Runtime | undefined
        const sample = await whole(log.system === 'sqlite' ? null : arena.server.pid, async () => {
          emaki = await runtime({ serve: [order, orders], store })
          if (!(await emaki.waitUntilProcessed(head, [orders[spec].name], TIMEOUT_MS)))
            throw new Error('the projection did not reach the head')
          return events
        })
        await emaki?.close()
        return sample
      }
      return {
        run,
        check: async () => {
          const store = log.store(where)
          await store.open()
          const expected = await expectedRows(log, where)
          const found = await rowsOf(store, [...expected.keys()])
          const { found: many } = await store.readModel.count(table, [])
          await store.close()
          return many === expected.size ? wrongRows(found, expected) : `${expected.size} rows were expected; found ${many}`
        },
        note: () => sizeNote(arena),
        close: async () => {},
      }
    },
  }
}

const KEYS = 5_000

/** Rows by key, as JSON text. */
export async function rowsOf(store: Store, keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>()
  for (let i = 0; i < keys.length; i += KEYS)
    for (const { key, data } of await store.readModel.rows(table, keys.slice(i, i + KEYS))) found.set(key, data)
  return found
}
