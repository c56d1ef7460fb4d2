import { type Event, STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett'
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import type { Contestant, RivalOptions } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { type Basket, basket } from '../order.ts'
import { countRows } from './count-rows.ts'

type Placed = Event<'Placed', Basket>

/** Emmett as its guide has it: its own pool of `pg`, one append to a stream that must not exist. */
export function emmett({ callers }: RivalOptions): Contestant {
  return {
    system: '@event-driven-io/emmett-postgresql',
    open: async arena => {
      const url = await arena.server.createDatabase('emmett')
      const store = getPostgreSQLEventStore(url)
      await store.schema.migrate()
      let acked = 0
      const act = async () => {
        const placed: Placed = { type: 'Placed', data: basket() }
        await store.appendToStream(`order-${Bun.randomUUIDv7()}`, [placed], { expectedStreamVersion: STREAM_DOES_NOT_EXIST })
        acked++
      }
      return driven(
        { act, callers, events: 1, postmaster: arena.server.pid },
        {
          check: () =>
            countRows(url, 'select count(*)::int as rows, count(distinct stream_id)::int as streams from emt_messages', acked),
          close: () => store.close(),
        },
      )
    },
  }
}
