import { Database } from 'bun:sqlite'
import { runtime, type Store } from 'emaki'
import { postgres as store } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import postgres from 'postgres'
import { basket, order } from '../order.ts'

/** The events of one seeded stream. */
export const EVENTS_EACH = 20

/** The id of a seeded order. */
export function seededId(index: number): string {
  return `s${index}`
}

/** How many different orders the seeded ones are copies of: a prime, so that an order's events are of different ones. */
const TEMPLATES = 61
/** Of every so many seeded orders one is cancelled at its end: 1 % of all events. */
const CANCELLED_EVERY = 5

export type SeedOptions = {
  /** Cancels one order in five. Default: false. */
  readonly cancelled?: boolean
  /** The fingerprint that orders are stored with. Default: today's, so that they are trusted as they are. */
  readonly schema?: string
}

/**
 * Fills a log with so many orders of 20 events, on the server. Their events alternate in the log, as those of orders that grow side by
 * side, so that one order's lie far apart. Indexes are dropped first and made afterwards. Gives how many events there are.
 */
export async function seed(url: string, streams: number, { cancelled = false, schema }: SeedOptions = {}): Promise<number> {
  await templates(store(url))
  const sql = postgres(url, { max: 1, onnotice: () => {}, connection: { search_path: 'emaki', synchronous_commit: 'off' } })
  await sql`set maintenance_work_mem = '512MB'`
  await sql`alter table events drop constraint events_pkey, drop constraint events_stream_version_key`
  await sql.unsafe(`
    insert into events (position, stream, version, id, type, schema, data, meta, at)
    select ${TEMPLATE_EVENTS} + i + 1, 'order-s' || (i % ${streams}), i / ${streams} + 1, uuidv7(), t.type, ${schema === undefined ? 't.schema' : `'${schema}'`}, t.data, t.meta, t.at
    from generate_series(0, ${streams * EVENTS_EACH - 1}) i
    join (select * from events where position <= ${TEMPLATE_EVENTS}) t on ${templateOf(streams, cancelled)}
    order by 1`)
  await sql`alter table events add primary key (position), add unique (stream, version)`
  await sql`select setval('positions', ${TEMPLATE_EVENTS + streams * EVENTS_EACH})`
  await sql`vacuum analyze events`
  await sql`checkpoint`
  await sql.end()
  return TEMPLATE_EVENTS + streams * EVENTS_EACH
}

/** The same in a SQLite file, which nobody has open. */
export async function seedFile(file: string, streams: number, { cancelled = false }: SeedOptions = {}): Promise<number> {
  await templates(sqlite(file))
  const db = new Database(file, { strict: true })
  db.run('pragma journal_mode = wal')
  db.run(`
    insert into events (position, stream, version, id, type, schema, data, meta, at)
    with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ${streams * EVENTS_EACH})
    select ${TEMPLATE_EVENTS} + i + 1, 'order-s' || (i % ${streams}), i / ${streams} + 1, 'seeded-' || i, t.type, t.schema, t.data, t.meta, t.at
    from n cross join (select * from events where position <= ${TEMPLATE_EVENTS}) t on ${templateOf(streams, cancelled)}`)
  db.run('analyze')
  db.run('pragma wal_checkpoint(truncate)')
  db.close()
  return TEMPLATE_EVENTS + streams * EVENTS_EACH
}

const TEMPLATE_EVENTS = 3 * TEMPLATES

/** Which template's which event the event number i is a copy of. A template's events lie one behind the other: placed, revised, cancelled. */
function templateOf(streams: number, cancelled: boolean): string {
  const last = `i >= ${streams * (EVENTS_EACH - 1)} and i % ${CANCELLED_EVERY} = 0`
  const nth = `case when i < ${streams} then 1 ${cancelled ? `when ${last} then 3 ` : ''}else 2 end`
  return `t.position = 3 * (i % ${TEMPLATES}) + ${nth}`
}

/** Orders as the runtime writes them; the seeded ones are copies of their events. */
async function templates(store: Store): Promise<void> {
  const emaki = await runtime({ serve: [order], store })
  for (let i = 0; i < TEMPLATES; i++) {
    await emaki.send(order.place(`template${i}`, basket()))
    await emaki.send(order.revise(`template${i}`, basket()))
    await emaki.send(order.cancel(`template${i}`, { reason: 'out of stock' }))
  }
  await emaki.close()
}
