// Nodes that run a process on one database, and what is asked of it all once they are at rest.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { violations } from '../../adapters/postgres/races/history.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { ofLeases } from '../../subscription/races/checker.ts'
import { postgresLog } from '../../subscription/races/look.ts'
import { Node, type NodeJob, type Running } from '../../subscription/races/nodes.ts'
import { onPostgres, type PostgresPlace, SCHEMA } from '../../subscription/races/places.ts'
import { checkProcess } from './checker.ts'

/** What was asked of a race, and what was wrong. */
export type Verdict = { readonly wrong: readonly string[]; readonly checks: number }
export type ArenaOptions = Partial<Pick<NodeJob, 'plant' | 'leaseMs'>>
type NodeOptions = Partial<Pick<NodeJob, 'database'>> & { readonly aheadMs?: number }
export type LeaseState = { readonly owner: string; readonly epoch: number; readonly position: number; readonly forMs: number }

/** The subscription of the process. */
export const COURIER = 'process_courier'
const LEASE_MS = 800
const CALLERS = 4
const PACE_MS = 120

export class Arena {
  readonly place: PostgresPlace
  readonly nodes: Node[] = []
  readonly #random: Random
  readonly #options: ArenaOptions
  readonly #folder = mkdtempSync(join(tmpdir(), 'emaki-courier-'))

  private constructor(place: PostgresPlace, random: Random, options: ArenaOptions) {
    this.place = place
    this.#random = random
    this.#options = options
  }

  /** A place without a node yet, on the server of all tests or another. */
  static async open(random: Random, options: ArenaOptions = {}, server?: Parameters<typeof onPostgres>[0]): Promise<Arena> {
    return new Arena(await onPostgres(server), random, options)
  }

  /** Starts nodes, waits until they serve, and has them send. */
  async start(many: number, { database = this.place.database, aheadMs = 0 }: NodeOptions = {}): Promise<readonly Node[]> {
    const { plant = null, leaseMs = LEASE_MS } = this.#options
    const running: Running = { script: join(import.meta.dir, 'node.ts'), env: clockOf(aheadMs) }
    const started = Array.from({ length: many }, (_, i) => {
      const name = `n${this.nodes.length + 1 + i}`
      const seed = `${this.#random.below(1_000_000)}`
      const common = { folder: this.#folder, effects: this.place.effects, leaseMs, seed, paceMs: PACE_MS, poison: null }
      return new Node({ ...common, name, database, plant }, running)
    })
    this.nodes.push(...started)
    await this.ready(started)
    for (const node of started) node.load(CALLERS)
    return started
  }

  async ready(nodes: readonly Node[] = this.nodes): Promise<void> {
    await eventually('the nodes serve', () => nodes.every(({ isReady }) => isReady)).catch(error => {
      throw new Error(`${error} ${nodes.map(({ name, errors }) => `${name}: ${errors}`).join('\n')}`)
    })
  }

  /** The lease as the last to take it has left it, of nobody where it was given back, and how long it holds yet. */
  async readLease(): Promise<LeaseState> {
    const [found] = await this.place.sql.unsafe<LeaseState[]>(
      `select coalesce(l.owner, '') as owner, l.epoch::float8 as epoch, c.position::float8 as position,
        date_part('epoch', l.until - clock_timestamp()) * 1000 as "forMs"
      from ${SCHEMA}.leases l join ${SCHEMA}.checkpoints c using (name) where name = '${COURIER}'`,
    )
    return found ?? { owner: '', epoch: 0, position: 0, forMs: 0 }
  }

  /** Who runs the process, once somebody does. */
  async owner(): Promise<Node> {
    let found: Node | undefined
    await eventually('somebody runs the process', async () => {
      const { owner, forMs } = await this.readLease()
      found = forMs > 0 ? this.nodes.find(({ pid }) => owner.startsWith(`${pid}.`)) : undefined
      return found !== undefined
    })
    return found!
  }

  /** Waits until the process has come further, and so many effects more are there. */
  async movesOn(effects: number = 1): Promise<void> {
    const effectsOf = async () => {
      const sql = `select count(*)::float8 as many from ${SCHEMA}.events where stream like 'tally-%'`
      return (await this.place.sql.unsafe<{ many: number }[]>(sql))[0]!.many
    }
    // A server that is just coming back refuses.
    const before = await retryUntilAnswered(async () => [(await this.readLease()).position, await effectsOf()] as const)
    await eventually(`the process moves on from ${before}`, () =>
      retryUntilAnswered(async () => (await this.readLease()).position > before[0] && (await effectsOf()) >= before[1] + effects),
    ).catch(error => {
      throw new Error(`${error} ${this.nodes.map(({ name, reported, errors }) => `${name}: ${reported.slice(-3)} ${errors}`)}`)
    })
  }

  /** Waits until another runs the process and has come further. */
  async awaitTakeover({ epoch, position }: LeaseState): Promise<void> {
    await eventually('another has taken over', async () => {
      const lease = await this.readLease()
      return lease.epoch > epoch && lease.position > position
    })
  }

  /** Ends the sending, waits until nothing is left to be done, and gives what is wrong. */
  async settle(): Promise<Verdict> {
    await this.rest()
    // What is wrong may keep it from coming to rest.
    const stuck = await eventually('all is done', () => retryUntilAnswered(() => this.#isDone())).then(
      () => [],
      error => [String(error)],
    )
    return this.judge(stuck)
  }

  async rest(): Promise<void> {
    await Promise.all(this.nodes.map(node => node.rest()))
  }

  /** Where the agenda is empty at the head of the log, all is sent and nothing is to come. One statement, and so one moment. */
  async #isDone(): Promise<boolean> {
    const [found] = await this.place.sql.unsafe<{ done: boolean }[]>(
      `select not exists (select from ${SCHEMA}.agenda) and exists (
        select from ${SCHEMA}.checkpoints where name = '${COURIER}' and position = (select max(position) from ${SCHEMA}.events)
      ) as done`,
    )
    return found!.done
  }

  /** What is wrong as it is. */
  async judge(already: readonly string[] = []): Promise<Verdict> {
    const { sql } = this.place
    const log = await postgresLog(sql, SCHEMA)
    const rows = await sql.unsafe<{ key: string; data: string }[]>(`select key, data from ${SCHEMA}.rows_process_courier_v1`)
    const [counts] = await sql.unsafe<{ pending: number; parked: number }[]>(
      `select (select count(*) from ${SCHEMA}.agenda)::float8 as pending, (select count(*) from ${SCHEMA}.parked)::float8 as parked`,
    )
    const attempts = this.nodes.flatMap(({ attempts }) => attempts)
    const { wrong, checks } = checkProcess({
      ...counts!,
      log: log.map(({ at, ...event }) => ({ ...event, at: Date.parse(at) })),
      rows: new Map(rows.map(({ key, data }) => [key, withoutCommands(data)])),
      checkpoint: (await this.readLease()).position,
    })
    const askings = log.filter(({ stream }) => stream.startsWith('asking-'))
    return {
      wrong: [
        ...already,
        ...wrong,
        ...ofLeases(this.nodes.flatMap(({ leases }) => leases)),
        ...violations({ attempts, log: askings, readings: [] }),
      ],
      checks: checks + attempts.length,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map(node => node.end()))
    await this.place.close()
    rmSync(this.#folder, { recursive: true })
  }
}

/** An instance as the checker has it: the commands of its timers show when they are sent. */
function withoutCommands(data: string): string {
  const { state, timers } = JSON.parse(data) as {
    readonly state: unknown
    readonly timers: Record<string, Record<string, unknown>>
  }
  const bare = Object.entries(timers).map(([name, { set, due }]) => [name, { set, due }] as const)
  return JSON.stringify({ state, timers: Object.fromEntries(bare) })
}

/** Asks again where the server does not answer for now. */
async function retryUntilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === TRIES_MAX) throw error
      await Bun.sleep(AGAIN_MS)
    }
  }
}
const TRIES_MAX = 400
const AGAIN_MS = 25

/** How a node's clock is shifted: the whole process's, where faketime is installed, else its Date. */
function clockOf(aheadMs: number): Readonly<Record<string, string>> {
  if (aheadMs === 0) return {}
  const library = FAKETIME.find(path => existsSync(path))
  if (library === undefined) return { BUN_OPTIONS: `--preload ${join(import.meta.dir, 'shifted.ts')}`, AHEAD_MS: `${aheadMs}` }
  const seconds = aheadMs / 1_000
  return { LD_PRELOAD: library, FAKETIME: `${seconds > 0 ? '+' : ''}${seconds}`, FAKETIME_DONT_FAKE_MONOTONIC: '1' }
}
const FAKETIME = ['x86_64', 'aarch64'].map(machine => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
