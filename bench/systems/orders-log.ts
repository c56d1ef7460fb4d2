// A log of seeded orders that the sides of one duel read, and the rows that it ought to give.
import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import type { Store } from 'emaki'
import { postgres as postgresStore } from 'emaki/postgres'
import { sqlite as sqliteStore } from 'emaki/sqlite'
import postgres from 'postgres'
import type { Arena } from '../contestant.ts'
import { type Basket, type OrderRow, totalOf } from '../order.ts'
import { EVENTS_EACH, type SeedOptions, seed, seedFile } from './seed.ts'

/** Where the log is: the url of a database, or the name of a file. */
export type OrdersLog = {
  readonly system: 'postgresql' | 'sqlite'
  /** Filled when it is first asked for, and shared from then on. */
  readonly filled: (arena: Arena) => Promise<{ readonly where: string; readonly events: number }>
  readonly store: (where: string) => Store
  readonly query: <R>(where: string, text: string) => Promise<readonly R[]>
}

const ORDERS = 50_000
const ORDERS_SHORT = 1_000

/** How many orders a log has: of 20 events each, 1 M in all, or 20 000 in a short run. */
export function ordersOf({ short }: Arena): number {
  return short ? ORDERS_SHORT : ORDERS
}

export function sizeNote({ short }: Arena): string {
  return short ? `SHORT: a log of ${ORDERS_SHORT * EVENTS_EACH} events instead of 1 M` : ''
}

export function postgresLog(options: SeedOptions = {}): OrdersLog {
  return {
    system: 'postgresql',
    filled: once(async arena => {
      const where = await arena.server.createDatabase('log')
      return { where, events: await seed(where, ordersOf(arena), options) }
    }),
    store: where => postgresStore(where),
    query: async <R>(where: string, text: string) => {
      const sql = postgres(where, { max: 1, onnotice: () => {}, connection: { search_path: 'emaki' } })
      const rows = await sql.unsafe(text)
      await sql.end()
      // What a statement gives is for whoever wrote it to know.
      return rows as unknown as readonly R[]
    },
  }
}

export function fileLog(options: SeedOptions = {}): OrdersLog {
  return {
    system: 'sqlite',
    filled: once(async arena => {
      const where = join(arena.folder, `${Bun.randomUUIDv7()}.db`)
      return { where, events: await seedFile(where, ordersOf(arena), options) }
    }),
    // Several sides have it open in this process.
    store: where => sqliteStore(where, { exclusive: false }),
    query: async <R>(where: string, text: string) => {
      const db = new Database(where, { readonly: true })
      const rows = db.query<R, []>(text).all()
      db.close()
      return rows
    },
  }
}

function once<T>(fill: (arena: Arena) => Promise<T>): (arena: Arena) => Promise<T> {
  let filling: Promise<T> | null = null
  return arena => {
    filling ??= fill(arena)
    return filling
  }
}

/** The rows of all orders by key, as JSON text, from SQL and not by any fold. */
export async function expectedRows(log: OrdersLog, where: string): Promise<ReadonlyMap<string, string>> {
  const latest = await log.query<{ stream: string; version: number; data: string }>(
    where,
    `select e.stream, e.version, e.data from events e
     join (select stream, max(version) as version from events where type <> 'Cancelled' group by stream) l
     on l.stream = e.stream and l.version = e.version`,
  )
  const first = await log.query<{ stream: string; data: string }>(where, 'select stream, data from events where version = 1')
  const cancelled = await log.query<{ stream: string }>(where, `select stream from events where type = 'Cancelled'`)
  const customers = new Map(first.map(({ stream, data }) => [stream, (JSON.parse(data) as Basket).customerId]))
  const over = new Set(cancelled.map(({ stream }) => stream))
  return new Map(
    latest.map(({ stream, version, data }) => {
      const row: OrderRow = {
        status: over.has(stream) ? 'cancelled' : 'placed',
        customerId: customers.get(stream)!,
        total: totalOf((JSON.parse(data) as Basket).items),
        revisions: Number(version) - 1,
      }
      return [stream.slice('order-'.length), JSON.stringify(row)]
    }),
  )
}

/** What is wrong with some rows; null: nothing. */
export function wrongRows(found: ReadonlyMap<string, string>, expected: ReadonlyMap<string, string>): string | null {
  if (found.size !== expected.size) return `${expected.size} rows were expected; found ${found.size}`
  for (const [key, row] of expected) {
    if (found.get(key) !== row) return `the row of ${key} ought to be ${row}; found ${found.get(key)}`
  }
  return null
}
