import { runtime } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import { basket, order } from '../order.ts'

/** The events of one seeded stream. */
export const EVENTS_EACH = 20

/** The id of a seeded order. */
export function seededId(index: number): string {
  return `s${index}`
}

/**
 * Fills a log with so many orders of 20 events, on the server. Their events alternate in the log, as those of orders that grow side by
 * side, so that one order's lie far apart. Indexes are dropped first and made afterwards.
 */
export async function seed(url: string, streams: number): Promise<number> {
  await template(url)
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { search_path: 'emaki', synchronous_commit: 'off' } })
  const events = streams * EVENTS_EACH
  await sql`set maintenance_work_mem = '512MB'`
  await sql`alter table events drop constraint events_pkey, drop constraint events_stream_version_key`
  await sql`
    insert into events
    select 2 + i + 1, 'order-s' || i % ${streams}, i / ${streams} + 1, uuidv7(), t.type, t.schema, t.data, t.meta, t.at
    from generate_series(0, ${events}::integer - 1) i
    join (select * from events where position <= 2) t on t.version = case when i < ${streams} then 1 else 2 end`
  await sql`alter table events add primary key (position), add unique (stream, version)`
  await sql`select setval('positions', ${events + 2})`
  await sql`vacuum analyze events`
  await sql`checkpoint`
  await sql.end()
  return events + 2
}

/** One order as the runtime writes it; the seeded ones are its copies. */
async function template(url: string): Promise<void> {
  const emaki = await runtime({ serve: [order], store: store(url) })
  await emaki.send(order.place('template', basket()))
  await emaki.send(order.revise('template', basket()))
  await emaki.close()
}
