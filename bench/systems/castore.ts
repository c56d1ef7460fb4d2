import { EventStore, EventType } from '@castore/core'
import { PostgresEventStorageAdapter } from '@castore/event-storage-adapter-postgres'
import type { Contestant, RivalOptions } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { type Basket, basket } from '../order.ts'
import { countRows } from './count-rows.ts'

const types = [new EventType<'Placed', Basket>({ type: 'Placed' })]

/** Castore with its adapter's own pool of postgres.js. The version is the caller's to count: 1 must not exist yet. */
export function castore({ callers }: RivalOptions): Contestant {
  return {
    system: '@castore/event-storage-adapter-postgres',
    open: async arena => {
      const url = await arena.server.createDatabase('castore')
      await PostgresEventStorageAdapter.createEventTable({ connectionString: url })
      const eventStorageAdapter = new PostgresEventStorageAdapter({ connectionString: url })
      const store = new EventStore({
        eventStoreId: 'ORDERS',
        eventTypes: types,
        reducer: (_: { aggregateId: string; version: number }, { aggregateId, version }) => ({ aggregateId, version }),
        eventStorageAdapter,
      })
      let acked = 0
      const act = async () => {
        const aggregateId = Bun.randomUUIDv7()
        await store.pushEvent({ aggregateId, version: 1, type: 'Placed', payload: basket() })
        acked++
      }
      return driven(
        { act, callers, events: 1, postmaster: arena.server.pid },
        {
          check: () =>
            countRows(url, 'select count(*)::int as rows, count(distinct aggregate_id)::int as streams from event', acked),
          // The adapter has no way to close its pool but through the field that holds it.
          close: () => (eventStorageAdapter as unknown as { _sql: { end(): Promise<void> } })._sql.end(),
        },
      )
    },
  }
}
