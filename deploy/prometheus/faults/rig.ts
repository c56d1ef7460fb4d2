// A served app of a fault: its processes, its database, and what makes use of it meanwhile.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import createClient, { type Sql } from 'postgres'
import { type ServedProcess, serveProcess } from '../../../src/test-support/served-process.ts'
import type { PostgresServer } from '../../../src/test-support/servers/postgres.ts'

export type RigOptions = {
  /** The ports at which its processes show their metrics: one for each. */
  readonly metrics: readonly number[]
  /** The database server, for an app on PostgreSQL. Default: a SQLite file. */
  readonly server?: PostgresServer
  /** The address of the database as the app has it. Default: its own. */
  readonly through?: (url: string) => string
  readonly environment?: Readonly<Record<string, string>>
  /** A folder for the SQLite file. Default: one of its own, which is deleted. */
  readonly folder?: string
  /** Makes something of the log before the app is started. */
  readonly prepare?: (file: string) => Promise<void>
}

const APP = join(import.meta.dir, 'fault-app.ts')
/** What everybody asks for all the time, so that there is a share of requests that fail. */
const LOAD_EVERY_MS = 200

export class Rig {
  readonly nodes: readonly ServedProcess[]
  readonly url: string
  /** The database as a superuser has it. It is of no use with SQLite. */
  readonly sql: Sql
  readonly folder: string
  readonly #ending = new AbortController()
  readonly #running: Promise<void>[] = []
  readonly #undo: (() => unknown)[] = []

  private constructor(nodes: readonly ServedProcess[], sql: Sql, folder: string) {
    this.nodes = nodes
    this.url = nodes[0]!.url
    this.sql = sql
    this.folder = folder
  }

  static async start({ metrics, server, through = url => url, environment, folder, prepare }: RigOptions): Promise<Rig> {
    const own = folder ?? mkdtempSync(join(tmpdir(), 'emaki-fault-'))
    const url = server ? await server.createDatabase('fault') : ''
    const file = join(own, 'log.db')
    await prepare?.(file)
    const store = server ? { DATABASE_URL: through(url) } : { SQLITE_FILE: file }
    const common = { NODE_ENV: 'test', LEASE_MS: '2000', LOG_LEVEL: 'info,request=off', ...store, ...environment }
    const nodes: ServedProcess[] = []
    for (const port of metrics) nodes.push(await serveProcess(['bun', APP], { ...common, METRICS_PORT: String(port) }))
    const rig = new Rig(
      nodes,
      createClient(url, { max: 4, onnotice: () => {}, connection: { application_name: 'psql by hand' } }),
      own,
    )
    rig.later(() => rig.sql.end({ timeout: 1 }))
    if (folder === undefined) rig.later(() => rmSync(own, { recursive: true, force: true }))
    rig.keep(LOAD_EVERY_MS, async i => {
      await rig.act(`fine-${i % 20}`, 'fine')
      await fetch(`${rig.url}/things/fine-1`)
    })
    return rig
  }

  /** Has the app do something, and its readers learn of it. */
  act(id: string, what: string): Promise<Response> {
    return this.post(`/thing/${id}/do`, { what })
  }

  post(path: string, body: object, headers: Readonly<Record<string, string>> = {}): Promise<Response> {
    const all = { 'Content-Type': 'application/json', ...headers }
    return fetch(this.url + path, { method: 'POST', headers: all, body: JSON.stringify(body), signal: this.#ending.signal })
  }

  /** Does something again and again until the end. What fails is none of its business. */
  keep(everyMs: number, action: (i: number) => Promise<unknown>): void {
    const { signal } = this.#ending
    const run = async () => {
      for (let i = 0; !signal.aborted; i++) {
        await action(i).catch(() => {})
        await Bun.sleep(everyMs)
      }
    }
    this.#running.push(run())
  }

  /** Undoes something at the end, the last first. */
  later(undo: () => unknown): void {
    this.#undo.unshift(undo)
  }

  get signal(): AbortSignal {
    return this.#ending.signal
  }

  async end(): Promise<void> {
    this.#ending.abort()
    for (const { pid } of this.nodes)
      try {
        process.kill(pid, 'SIGCONT')
        process.kill(pid, 'SIGKILL')
      } catch {}
    await Promise.all(this.#running)
    for (const undo of this.#undo) await undo()
  }
}
