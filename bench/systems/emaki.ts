import { Database } from 'bun:sqlite'
import { join } from 'node:path'
import { type Runtime, runtime } from 'emaki'
import { telemetry } from 'emaki/otel'
import { postgres } from 'emaki/postgres'
import { sqlite } from 'emaki/sqlite'
import type { Arena, Contestant } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { basket, Order, order } from '../order.ts'
import { checkLog, type Found, wrong } from './check-log.ts'

export type AppendOptions = { readonly callers: number; readonly events?: number }

/** Emaki on PostgreSQL: so many callers, each appending to a new stream. */
export function appends({ callers, events = 1 }: AppendOptions): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const url = await arena.server.createDatabase('emaki')
      const emaki = await runtime({ serve: [order], store: postgres(url), trace: (await telemetry()).trace })
      const { act, acked } = appending(emaki, events)
      return driven(
        { act, callers, events, postmaster: arena.server.pid },
        { check: () => checkLog(url, acked()), close: () => emaki.close() },
      )
    },
  }
}

/** Emaki on a SQLite file. */
export function appendsToFile({ callers, events = 1 }: AppendOptions): Contestant {
  return {
    system: 'emaki',
    open: async ({ folder }: Arena) => {
      const file = join(folder, `${Bun.randomUUIDv7()}.db`)
      const emaki = await runtime({ serve: [order], store: sqlite(file) })
      const { act, acked } = appending(emaki, events)
      return driven(
        { act, callers, events, postmaster: null },
        { check: async () => checkFile(file, acked()), close: () => emaki.close() },
      )
    },
  }
}

/** Appends to a new stream that must not exist, and counts what was acknowledged. */
export function appending(emaki: Runtime, events: number): { act: () => Promise<void>; acked: () => number } {
  let acked = 0
  const act = async () => {
    const placed = Array.from({ length: events }, (_, i) => (i ? Order.Revised(basket()) : Order.Placed(basket())))
    const { outcome } = await emaki.append([{ stream: `order-${Bun.randomUUIDv7()}`, expect: 0, events: placed }])
    if (outcome !== 'appended') throw new Error(`an append to a new stream was answered ${outcome}`)
    acked += events
  }
  return { act, acked: () => acked }
}

function checkFile(file: string, events: number): string | null {
  const db = new Database(file, { readonly: true })
  try {
    return wrong(db.query(STREAMS).get() as Found, { min: events, max: events })
  } finally {
    db.close()
  }
}

const STREAMS = `
  select sum(many) as events, sum(positions) as positions, sum(holed) as holes
  from (
    select count(*) as many, count(distinct position) as positions, max(version) <> count(*) or min(version) <> 1 as holed
    from events
    group by stream
  )`
