// What a node's process runs: a runtime over a store, told as JSON. See nodes.ts.
import { Database } from 'bun:sqlite'
import { openSync, writeSync } from 'node:fs'
import createClient, { type TransactionSql } from 'postgres'
import { counter } from '../../postgres/races/domain.ts'
import type { Attempt } from '../../postgres/races/history.ts'
import { random } from '../../postgres/races/random.ts'
import { sender } from '../../postgres/races/sender.ts'
import { postgres } from '../../postgres/store.ts'
import { runtime } from '../../runtime.ts'
import { sqlite } from '../../sqlite/store.ts'
import { type Effect, type Serving, served } from './domain.ts'
import type { NodeJob, Order } from './nodes.ts'
import { leasePlant, type Stop, watched } from './watched.ts'

const job = JSON.parse(process.argv[2]!) as NodeJob
const files = { attempts: open('attempts'), leases: open('leases'), reported: open('reported'), stopped: open('stopped') }
let stop: Stop | null = null

const over = job.database.kind === 'postgres' ? overPostgres(job.database) : overSqlite(job.database)
const store = watched(over.store, {
  who: job.who,
  tell: said => write(files.leases, said),
  stopAt: (at, name) => {
    if (stop?.at !== at || stop.name !== name) return
    stop = null
    write(files.stopped, { at, name })
    process.kill(process.pid, 'SIGSTOP')
  },
  plant: leasePlant(job.plant),
})
const emaki = await runtime({
  serve: served(over),
  store,
  leaseMs: job.leaseMs,
  report: error => write(files.reported, error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
})

let isEnding = false
const send = sender(emaki, job.who, attempt => write(files.attempts, attempt), true)
const choices = random(job.seed)

async function caller(_: unknown, i: number): Promise<void> {
  for (let n = 0; !isEnding; n++) {
    await send(counter.add(choices.chance(0.3) ? 'hot' : `c${choices.below(COUNTERS)}`, { token: `${job.who}.${i}.${n}` }))
    if (job.paceMs) await Bun.sleep(choices.below(job.paceMs))
  }
}
const COUNTERS = 40
let calling: Promise<unknown> = Promise.resolve()

process.on('message', (order: Order) => {
  if (order.do === 'load') calling = Promise.all(Array.from({ length: order.callers }, caller))
  else if (order.do === 'stop') stop = order.stop
  else if (order.do === 'ping') process.send!('pong')
  else if (order.do === 'rest') void rest()
  else void rest().then(end)
})
process.send!('ready')

/** Sends nothing any more. */
async function rest(): Promise<void> {
  isEnding = true
  await calling
  process.send!('rests')
}

async function end(): Promise<void> {
  await emaki.close()
  process.exit(0)
}

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

function open(what: string): number {
  return openSync(`${job.folder}/${job.name}.${what}`, 'a')
}

function write(file: number, said: Attempt | unknown): void {
  writeSync(file, `${JSON.stringify(said)}\n`)
}
