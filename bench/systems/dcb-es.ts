import { Query, Tags } from '@dcb-es/event-store'
import { PostgresEventStore } from '@dcb-es/event-store-postgres'
import { Pool } from 'pg'
import type { Contestant, RivalOptions } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { basket } from '../order.ts'
import { countRows } from './count-rows.ts'

/** dcb-es with a default pool of `pg`, synchronous_commit on; an order that exists fails the append. */
export function dcb({ callers }: RivalOptions): Contestant {
  return {
    system: '@dcb-es/event-store-postgres',
    open: async arena => {
      const url = await arena.server.createDatabase('dcb')
      const pool = new Pool({ connectionString: url })
      const store = new PostgresEventStore({ pool })
      await store.ensureInstalled()
      let acked = 0
      const act = async () => {
        const tags = Tags.fromObj({ order: Bun.randomUUIDv7() })
        await store.append({
          events: { type: 'Placed', tags, data: basket(), metadata: {} },
          condition: { failIfEventsMatch: Query.fromItems([{ types: ['Placed'], tags }]) },
        })
        acked++
      }
      return driven(
        { act, callers, events: 1, postmaster: arena.server.pid },
        {
          check: () => countRows(url, 'select count(*)::int as rows, count(distinct tags)::int as streams from events', acked),
          close: () => pool.end(),
        },
      )
    },
  }
}
