import { Database } from 'bun:sqlite'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Contestant } from '../contestant.ts'
import { closedLoop } from '../measure/closed-loop.ts'
import { whole } from '../measure/whole.ts'
import { type OrdersLog, sizeNote } from '../systems/orders-log.ts'
import { row } from './row.ts'

const migration = join(import.meta.dir, '../../migrations/sqlite/0001-log.sql')

/** L11: a prepared INSERT of bun:sqlite into our table, WAL and synchronous=FULL, so many rows a transaction. Nobody checks. */
export function sqliteInsert(rows: number): Contestant {
  return {
    system: 'bun:sqlite',
    open: async ({ folder }) => {
      const db = new Database(join(folder, `${Bun.randomUUIDv7()}.db`), { create: true, strict: true })
      db.run('pragma journal_mode = wal')
      db.run('pragma synchronous = full')
      db.run(readFileSync(migration, 'utf8'))
      const insert = db.prepare(
        'insert into events (position, stream, version, id, type, schema, data, meta, at) values (?, ?, 1, ?, ?, ?, ?, ?, ?)',
      )
      let position = 0
      const transaction = db.transaction(() => {
        for (let i = 0; i < rows; i++) {
          const { stream, id, type, schema, data, meta } = row()
          insert.run(++position, stream, id, type, schema, data, meta, Date.now())
        }
      })
      const act = async () => transaction.immediate()
      return {
        run: ms => closedLoop({ act, callers: 1, events: rows, postmaster: null }, ms),
        check: async () => checkRows(db, position),
        close: async () => db.close(),
      }
    },
  }
}

function checkRows(db: Database, rows: number): string | null {
  const found = db.query('select count(*) as rows from events').get() as { rows: number }
  return found.rows === rows ? null : `${rows} rows were inserted; found ${found.rows}`
}

const PAGE = 5_000

/** L11, reading: every column of a log, in pages as a replay takes them. What is read is counted, and not looked at. */
export function readOut(log: OrdersLog): Contestant {
  return {
    system: 'bun:sqlite',
    open: async arena => {
      const { where, events } = await log.filled(arena)
      const db = new Database(where, { readonly: true })
      const page = db.prepare<unknown[], [number, number]>(
        'select position, stream, version, id, type, schema, data, meta, at from events where position > ? order by position limit ?',
      )
      let read = 0
      return {
        run: () =>
          whole(null, async () => {
            read = 0
            for (;;) {
              const { length } = page.values(read, PAGE)
              if (!length) return events
              read += length
            }
          }),
        check: async () => (read === events ? null : `${events} rows were there to be read; ${read} were`),
        note: () => sizeNote(arena),
        close: async () => db.close(),
      }
    },
  }
}
