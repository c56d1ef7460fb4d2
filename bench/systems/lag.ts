// W7: how long after its acknowledgement an event shows in a row.
import { postgreSQLEventStoreConsumer, getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql'
import { STREAM_DOES_NOT_EXIST } from '@event-driven-io/emmett'
import { startServices } from '../../src/runtime.ts'
import postgres from 'postgres'
import { spec } from '../../src/definitions/event/events.ts'
import type { Arena } from '../contestant.ts'
import type { Plan } from '../duel.ts'
import { type Lag, lagOf } from '../measure/lag.ts'
import { isAsked, type Options } from '../options.ts'
import { basket, Order, order, orders } from '../order.ts'
import { plainRow, type Row } from '../row.ts'
import { orderDocuments, type Placed } from './emmett-rebuild.ts'
import { expectedRows, fileLog, type OrdersLog, postgresLog, wrongRows } from './orders-log.ts'
import { rowsOf } from './rebuild.ts'

const LAG_MS_MAX = 20
const FOREIGN_MS = 60_000
const EMMETT = '@event-driven-io/emmett-postgresql'

type While = () => Promise<() => Promise<void>>
type Measured = { readonly lag: Lag; readonly wrong: string | null }

/** On PostgreSQL, beside Emmett; with `foreign` while somebody else's transaction in the same database has written and does not end. */
export function lag(variant: string, foreign: boolean) {
  return async (arena: Arena, plan: Plan, systems: Options['systems']): Promise<readonly Row[]> => {
    const times = timesOf(arena, plan, foreign)
    const rows: Row[] = []
    if (isAsked(systems, 'emaki')) {
      const url = await arena.server.createDatabase('lag')
      rows.push(rowOf(variant, 'emaki', await ours(postgresLog(), url, times, foreign ? () => holdOpen(url) : undefined)))
    }
    if (isAsked(systems, EMMETT)) {
      const url = await arena.server.createDatabase('lag')
      rows.push(rowOf(variant, EMMETT, await emmetts(url, times, foreign ? () => holdOpen(url) : undefined)))
    }
    return rows
  }
}

export async function lagOfFile(arena: Arena, plan: Plan, systems: Options['systems']): Promise<readonly Row[]> {
  if (!isAsked(systems, 'emaki')) return []
  const file = `${arena.folder}/${Bun.randomUUIDv7()}.db`
  return [rowOf('sqlite', 'emaki', await ours(fileLog(), file, timesOf(arena, plan, false)))]
}

function timesOf({ short }: Arena, { warmUpMs, repetitions, sliceMs }: Plan, foreign: boolean) {
  return { saturateMs: warmUpMs, ms: foreign && !short ? FOREIGN_MS : repetitions * sliceMs }
}

function rowOf(variant: string, system: string, { lag, wrong }: Measured): Row {
  const { p50Ms, p99Ms, maxMs, rate, events, missing } = lag
  const note = `max ${maxMs.toFixed(1)} ms, ${Math.round(rate)} appends a second${missing ? `; ${missing} of ${events + missing} never showed` : ''}`
  const isOurs = system === 'emaki'
  const target = isOurs ? '<= 1' : ''
  const lost = isOurs && missing ? `${missing} acknowledged events never showed` : null
  return {
    ...plainRow({ cell: 'W7', variant, unit: 'ms', target }, system, p99Ms, LAG_MS_MAX, note),
    p50Ms,
    p99Ms,
    wrong: wrong ?? lost,
  }
}

async function ours(log: OrdersLog, where: string, times: Parameters<typeof lagOf>[1], while_?: While): Promise<Measured> {
  const store = log.store(where)
  const emaki = await startServices({ serve: [order, orders], store })
  const [subscription] = emaki.subscriptions.versionsOf(orders[spec].name).subscriptions
  let acked = 0
  const append = async () => {
    const events = [Order.Placed(basket())]
    const answer = await emaki.append([{ stream: `order-${Bun.randomUUIDv7()}`, expect: 0, events }])
    if (answer.outcome !== 'appended') throw new Error(`an append to a new stream was answered ${answer.outcome}`)
    acked++
    return String(answer.slices[0]!.position)
  }
  const onShown = (shown: (name: string) => void) => {
    let before = subscription!.position
    // Positions are whole numbers, and all up to the checkpoint are in their rows.
    subscription!.onCheckpoint(() => {
      while (before < subscription!.position) shown(String(++before))
    })
  }
  const lag = await lagOf({ append, onShown }, times, while_)
  const expected = await expectedRows(log, where)
  const found = await rowsOf(store, [...expected.keys()])
  await emaki.close()
  const stored = expected.size === acked ? null : `${acked} orders were acknowledged; found ${expected.size}`
  return { lag, wrong: stored ?? wrongRows(found, expected) }
}

/** Emmett's consumer with its projection of documents, larger pages and shorter pauses than its own. It shows no later than it folds. */
async function emmetts(url: string, times: Parameters<typeof lagOf>[1], while_?: While): Promise<Measured> {
  const store = getPostgreSQLEventStore(url)
  await store.schema.migrate()
  let shown: (name: string) => void = () => {}
  const consumer = postgreSQLEventStoreConsumer<Placed>({
    connectionString: url,
    pulling: { batchSize: 1_000, pullingFrequencyInMs: 1 },
  })
  consumer.projector({ processorId: 'orders', projection: orderDocuments(stream => shown(stream)) })
  const consuming = consumer.start()
  const append = async () => {
    const stream = `order-${Bun.randomUUIDv7()}`
    const placed: Placed = { type: 'Placed', data: basket() }
    await store.appendToStream(stream, [placed], { expectedStreamVersion: STREAM_DOES_NOT_EXIST })
    return stream
  }
  const onShown = (call: (name: string) => void) => {
    shown = call
  }
  const lag = await lagOf({ append, onShown }, times, while_)
  await consumer.stop()
  await consuming.catch(() => {})
  await consumer.close()
  await store.close()
  return { lag, wrong: null }
}

/** A transaction that has written something, and stays open until it is told to end. */
async function holdOpen(url: string): Promise<() => Promise<void>> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  await sql`create table someone_elses (id bigint)`
  const connection = await sql.reserve()
  await connection`begin`
  await connection`insert into someone_elses values (1)`
  return async () => {
    await connection`commit`
    connection.release()
    await sql.end()
  }
}
