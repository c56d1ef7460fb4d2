// An app whose promises a watch checks when a test says so, on each store, and somebody who changes the database behind it.
import { Database } from 'bun:sqlite'
import { rmSync } from 'node:fs'
import { postgres } from '../adapters/postgres/store.ts'
import { sqlite } from '../adapters/sqlite/store.ts'
import { Metrics } from '../metrics/registry.ts'
import { memory } from '../ports/store/memory.ts'
import type { Store } from '../ports/store/store.ts'
import { type Services, startServices } from '../runtime.ts'
import { PromiseWatch } from '../subscription/promises/promise-watch.ts'
import { cleanUpLater } from './cleanup.ts'
import { testSchema } from './schema.ts'
import { shelves, thing, things } from './shop.ts'
import { copyEmptyLog, newFolder } from './sqlite.ts'
import { untilProcessed } from './until-processed.ts'

/** A log, and a way to change its tables past Emaki. `of`: what stands before the name of a table. */
type Place = { readonly store: Store; readonly of: string; readonly change: (sql: string) => Promise<void> }

export async function inFile(): Promise<Place> {
  const folder = newFolder()
  cleanUpLater(() => rmSync(folder, { recursive: true, force: true }))
  const file = await copyEmptyLog(folder)
  const change = async (sql: string) => {
    using db = new Database(file)
    db.run('pragma busy_timeout = 5000')
    for (const trigger of ['events_are_not_updated', 'events_are_not_deleted']) db.run(`drop trigger if exists ${trigger}`)
    db.run(sql)
  }
  return { store: sqlite(file), of: '', change }
}

export async function inSchema(): Promise<Place> {
  const { url, schema, sql, drop } = await testSchema()
  cleanUpLater(drop)
  const change = (text: string) =>
    sql.begin(async tx => {
      await tx.unsafe('set local session_replication_role = replica')
      await tx.unsafe(text)
    })
  return { store: postgres(url, { schema }), of: `${schema}.`, change: async text => void (await change(text)) }
}

export async function inMemory(): Promise<Place> {
  return { store: memory(), of: '', change: () => Promise.reject(new Error('nobody changes memory')) }
}

/** What a watch has reported: codes, and the promises that its breaches are of. */
export type WatchedApp = Place & {
  readonly services: Services
  readonly metrics: Metrics
  readonly reported: unknown[]
  /** Another watch of the same app, as a process of its own would have it. */
  readonly watchAs: (owner: string) => PromiseWatch
  /** Sets things, and waits until their rows are made. */
  readonly fill: (from: number, to: number) => Promise<void>
}

export async function watchedApp(place: Place): Promise<WatchedApp> {
  const metrics = new Metrics()
  const reported: unknown[] = []
  const report = (problem: unknown) => void reported.push(problem)
  const services = await startServices({ serve: [thing, things, shelves], store: place.store, report, metrics })
  cleanUpLater(() => services.close())
  const serving = () => ['things', 'shelves'].flatMap(name => services.subscriptions.versionsOf(name).serving ?? [])
  const watchAs = (owner: string) => {
    const sleep = (_: number, signal: AbortSignal) =>
      new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
    const watch = new PromiseWatch({ ...services, owner, serving, report, now: () => 5, random: () => 0, sleep })
    cleanUpLater(() => watch.close())
    return watch
  }
  const fill = async (from: number, to: number) => {
    const looks = (i: number) => ({ name: `n${i}`, shelf: 'top', price: i, rare: false }) as const
    const numbers = Array.from({ length: to - from }, (_, i) => from + i)
    await Promise.all(numbers.map(i => services.send(thing.set(`t${i % 20}`, looks(i)))))
    await untilProcessed(services, await services.store.head())
  }
  return { ...place, store: services.store, services, metrics, reported, watchAs, fill }
}
