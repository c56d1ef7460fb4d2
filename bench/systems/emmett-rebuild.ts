// W6 for Emmett: its rebuild of a projection of documents, by the function it has for it.
import { type Event, type ReadEvent, STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett'
import {
  getPostgreSQLEventStore,
  pongoSingleStreamProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql'
import postgres from 'postgres'
import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { type Basket, basket, type OrderRow, totalOf } from '../order.ts'
import { EVENTS_EACH } from './seed.ts'

export type Placed = Event<'Placed', Basket>
export type Revised = Event<'Revised', Basket>

/** A tenth of what Emaki reads: each page looks at all of the table, as it has no index in the order of reading. */
const ORDERS = 5_000
const ORDERS_SHORT = 400
/** Larger pages and shorter pauses than its own of 100 and 50 ms. */
const PAGE = 1_000
/** A page is never left half way, and takes seconds. */
const PAGE_SHORT = 200
const QUIET_MS = 200

/** As much of the log as there is time for, from its beginning. */
export const emmettRebuilds: Contestant = {
  system: '@event-driven-io/emmett-postgresql',
  open: async arena => {
    const url = await arena.server.createDatabase('emmett')
    const orders = arena.short ? ORDERS_SHORT : ORDERS
    const batchSize = arena.short ? PAGE_SHORT : PAGE
    await fill(url, orders)
    let handled = 0
    const run = async (ms: number) => {
      const sample = await whole(arena.server.pid, async () => {
        handled = 0
        const consumer = rebuildPostgreSQLProjections({
          connectionString: url,
          projections: [orderDocuments(() => handled++)],
          pulling: { batchSize, pullingFrequencyInMs: 1 },
        })
        const over = setTimeout(() => void consumer.stop(), ms)
        await consumer.start()
        clearTimeout(over)
        await consumer.close()
        return handled
      })
      await quiet(() => handled)
      return sample
    }
    return {
      run,
      check: () => checkDocuments(url, handled),
      note: () => `${handled} of a log of ${orders * EVENTS_EACH} events, in pages of ${batchSize}`,
      close: async () => {},
    }
  },
}

/** Documents as Emmett keeps them, one a stream. */
export function orderDocuments(
  evolved: (stream: string) => void,
): ReturnType<typeof pongoSingleStreamProjection<OrderRow, Placed | Revised>> {
  return pongoSingleStreamProjection<OrderRow, Placed | Revised>({
    collectionName: 'orders',
    canHandle: ['Placed', 'Revised'],
    initialState: (): OrderRow => ({ status: 'placed', customerId: '', total: 0, revisions: 0 }),
    evolve: (row: OrderRow, { type, data, metadata }: ReadEvent<Placed | Revised>): OrderRow => {
      evolved(metadata.streamName)
      return type === 'Placed'
        ? { status: 'placed', customerId: data.customerId, total: totalOf(data.items), revisions: 0 }
        : { ...row, total: totalOf(data.items), revisions: row.revisions + 1 }
    },
  })
}

/** A consumer that has stopped still ends what it was at. */
async function quiet(handled: () => number): Promise<void> {
  for (let before = -1; before !== handled(); await Bun.sleep(QUIET_MS)) before = handled()
}

/** One append after the other: what is appended side by side, its consumer loses some of, also when it rebuilds. */
async function fill(url: string, orders: number): Promise<void> {
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  for (let i = 0; i < orders; i++) {
    const events = Array.from({ length: EVENTS_EACH }, (_, i): Placed | Revised => ({
      type: i ? 'Revised' : 'Placed',
      data: basket(),
    }))
    await store.appendToStream(`order-s${i}`, events, { expectedStreamVersion: STREAM_DOES_NOT_EXIST })
  }
  await store.close()
}

/** Every event that was handled is in its stream's document, and the last of them is what the document shows. */
async function checkDocuments(url: string, handled: number): Promise<string | null> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const found = await sql<{ id: string; total: number; revisions: number; last: Basket | null }[]>`
      select o._id as id, (o.data->>'total')::int as total, (o.data->>'revisions')::int as revisions, m.message_data as last
      from orders o
      left join emt_messages m on m.stream_id = o._id and m.stream_position = (o.data->>'revisions')::int + 1`
    const events = found.reduce((sum, { revisions }) => sum + revisions + 1, 0)
    if (events !== handled) return `${handled} events were handled; its documents have ${events}`
    const wrong = found.find(({ total, last }) => !last || totalOf(last.items) !== total)
    return wrong ? `the document of ${wrong.id} is not that of its last event` : null
  } finally {
    await sql.end()
  }
}
