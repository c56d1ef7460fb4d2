// What a node's process runs: projections and a processor over a store. See life.ts.
import { Database } from 'bun:sqlite'
import createClient, { type TransactionSql } from 'postgres'
import { counter } from '../../adapters/postgres/races/domain.ts'
import { postgres } from '../../adapters/postgres/store.ts'
import { sqlite } from '../../adapters/sqlite/store.ts'
import { type Effect, type Serving, buildServed } from './domain.ts'
import { job, live } from './life.ts'
import type { NodeJob } from './nodes.ts'

const COUNTERS = 40

const over = job.database.kind === 'postgres' ? overPostgres(job.database) : overSqlite(job.database)
await live({
  store: over.store,
  serve: buildServed(over),
  command: (choices, token) => counter.add(choices.chance(0.3) ? 'hot' : `c${choices.below(COUNTERS)}`, { token }),
})

function overPostgres({ url, schema, deadlineMs }: Extract<NodeJob['database'], { kind: 'postgres' }>) {
  const sql = createClient(job.effects, { max: 4, onnotice: () => {}, connect_timeout: 2, backoff: false })
  const serving: Serving = {
    poison: job.poison,
    effect: effects => sql`insert into effects ${sql(effects as Effect[], 'key', 'id', 'stream', 'version')}`,
    report: {
      create: async (tx: TransactionSql, table: string) => {
        await tx`drop table if exists ${tx(table)}`
        await tx`create table ${tx(table)} (position bigint not null)`
      },
      handle: (tx: TransactionSql, table: string, facts) =>
        tx`insert into ${tx(table)} ${tx(
          facts.map(({ position }) => ({ position })),
          'position',
        )}`,
    },
  }
  return {
    ...serving,
    store: postgres(url, { schema, migrate: false, pooler: false, deadlineMs, lockTimeoutMs: deadlineMs / 2 }),
  }
}

function overSqlite({ file }: Extract<NodeJob['database'], { kind: 'sqlite' }>) {
  const db = new Database(job.effects)
  db.run('pragma busy_timeout = 5000')
  const insert = db.query('insert into effects (key, id, stream, version) values (?, ?, ?, ?)')
  const serving: Serving = {
    poison: job.poison,
    effect: db.transaction((effects: readonly Effect[]) => {
      for (const { key, id, stream, version } of effects) insert.run(key, id, stream, version)
    }),
    report: {
      create: (db: Database, table: string) => {
        db.run(`drop table if exists "${table}"`)
        db.run(`create table "${table}" (position integer not null)`)
      },
      handle: (db: Database, table: string, facts) => {
        const insert = db.query(`insert into "${table}" values (?)`)
        for (const { position } of facts) insert.run(position)
      },
    },
  }
  return { ...serving, store: sqlite(file) }
}
