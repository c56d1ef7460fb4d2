// Nodes that serve at a place, writers beside them, somebody who looks at the rows all the time, and what is asked of it all in the end.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Attempt, violations } from '../../adapters/postgres/races/history.ts'
import type { Random } from '../../adapters/postgres/races/random.ts'
import { startWriter, type Writer } from '../../adapters/postgres/races/writers.ts'
import { until } from '../../test-support/servers/until.ts'
import { eventually, PATIENCE_MS } from '../../adapters/postgres/races/patience.ts'
import { Checker, ofLeases, type Logged, type Seen } from './checker.ts'
import { Node, type NodeJob } from './nodes.ts'
import { type Place, SCHEMA } from './places.ts'

/**
 * How long a lease of these nodes holds, in ms: longer than a busy machine keeps one of them from renewing it. Short, where others are to take
 * over from who is stopped or killed.
 */
const LEASE_MS = 2_000
export const SHORT_LEASE_MS = 600
const LOOK_EVERY_MS = 25
const SUBSCRIPTIONS = ['counts_v1', 'tags_v1', 'open_v1', 'effects', 'sql_report_v1']

type NodeOptions = Partial<Pick<NodeJob, 'leaseMs' | 'plant' | 'poison' | 'paceMs' | 'database'>>
export type ArenaOptions = NodeOptions & { readonly isPoison?: (table: string, event: Logged) => boolean }

export class Arena {
  readonly place: Place
  readonly nodes: Node[] = []
  readonly checker: Checker
  readonly attempts: Attempt[] = []
  readonly #options: ArenaOptions
  readonly #random: Random
  readonly #folder = mkdtempSync(join(tmpdir(), 'emaki-arena-'))
  readonly #writers: Writer[] = []
  readonly #wrong: string[] = []
  /** Looks follow each other, as each sees what is new. */
  #last: Promise<unknown> = Promise.resolve()
  #looking: Promise<void> = Promise.resolve()
  #isOver = false
  /** Why the last look that failed did. */
  #blind = ''
  #checkpoints: Seen['checkpoints'] = new Map()

  constructor(place: Place, random: Random, options: ArenaOptions = {}) {
    this.place = place
    this.#random = random
    this.#options = options
    this.checker = new Checker(options.isPoison)
  }

  /** Starts nodes and waits until all of them serve. */
  async start(many: number, options: NodeOptions = {}): Promise<readonly Node[]> {
    const started = Array.from({ length: many }, () => this.#node(options))
    await this.ready(started)
    return started
  }

  #node(options: NodeOptions): Node {
    const {
      leaseMs = LEASE_MS,
      plant = null,
      poison = null,
      paceMs = 50,
      database = this.place.database,
    } = { ...this.#options, ...options }
    const name = `n${this.nodes.length + 1}`
    const seed = `${this.#random.below(1_000_000)}`
    const { effects } = this.place
    const node = new Node({ name, folder: this.#folder, database, effects, leaseMs, seed, paceMs, plant, poison })
    this.nodes.push(node)
    return node
  }

  async ready(nodes: readonly Node[] = this.nodes): Promise<void> {
    await eventually('the nodes serve', () => nodes.every(({ isReady }) => isReady)).catch(error => {
      throw new Error(`${error}: ${nodes.map(({ name, errors }) => `${name}: ${errors}`).join('\n')}`)
    })
  }

  /** Lets processes append to the log, as wildly as they can, until `settle`. */
  async write(processes: number, callers: number, paceMs = 500): Promise<void> {
    const { database } = this.place
    if (database.kind !== 'postgres') throw new Error('one file has one process that writes')
    const { url } = database
    const started = Array.from({ length: processes }, (_, i) => {
      const common = { kind: 'append', who: `w${this.#writers.length + i}`, url, schema: SCHEMA, mortal: true } as const
      return startWriter({
        ...common,
        seed: `${this.#random.below(1_000_000)}`,
        units: 1_000_000_000,
        callers,
        stores: 2,
        paceMs,
      })
    })
    this.#writers.push(...started)
    await Promise.all(started.map(({ ready }) => ready))
    for (const { go } of started) go()
  }

  /** Looks at the rows from now on, again and again. */
  watch(): void {
    this.#looking = this.#look()
  }

  async #look(): Promise<void> {
    while (!this.#isOver) {
      await this.look().catch((error: unknown) => {
        this.#blind = String(error)
      })
      await Bun.sleep(LOOK_EVERY_MS)
    }
  }

  /** Looks once; what is wrong is told in the end. */
  look(): Promise<Seen> {
    const next = this.#last.then(() => this.#lookOnce())
    this.#last = next.catch(() => {})
    return next
  }

  async #lookOnce(): Promise<Seen> {
    const seen = await this.place.look(this.checker.log.at(-1)?.position ?? 0)
    this.#checkpoints = seen.checkpoints
    for (const sentence of this.checker.look(seen)) if (this.#wrong.length < WRONG_MAX) this.#wrong.push(sentence)
    return seen
  }

  /** Ends all writing. */
  async rest(): Promise<void> {
    for (const { kill } of this.#writers.splice(0)) this.attempts.push(...(await kill()))
    await Promise.all(this.nodes.map(node => node.rest()))
  }

  /** Waits until so many more events were seen in the log. */
  grows(by: number): Promise<void> {
    const wanted = this.checker.log.length + by
    return eventually(`${wanted} events are seen`, () => this.checker.log.length >= wanted)
  }

  /**
   * Waits until everything that is followed has moved on. Between two faults it has to: who is taken over three times where it stands, as on
   * a machine that is too busy to get anywhere, is taken to be at something that ends its process.
   */
  async movesOn(): Promise<void> {
    const before = new Map(this.#checkpoints)
    const isOn = (name: string) => (this.#checkpoints.get(name) ?? 0) > (before.get(name) ?? 0)
    await eventually(`all moves on from ${[...before].join('; ')}`, () => SUBSCRIPTIONS.every(isOn)).catch(error => {
      throw new Error(`${error} It is at ${[...this.#checkpoints].join('; ')}. ${this.#blind}`)
    })
  }

  /** Whether something like this is wrong by now. */
  shows(wrong: RegExp): boolean {
    return [...this.#wrong, ...this.#ofLeases()].some(sentence => wrong.test(sentence))
  }

  #ofLeases(): readonly string[] {
    return ofLeases(this.nodes.flatMap(({ leases }) => leases))
  }

  /** Waits until everything that is followed is at the head. */
  async caughtUp(names: readonly string[] = SUBSCRIPTIONS): Promise<void> {
    let behind = ''
    await eventually('all is at the head', async () => {
      const { checkpoints, retrying } = await this.look()
      const head = this.checker.log.at(-1)?.position ?? 0
      behind = [
        ...names.flatMap(name => (checkpoints.get(name) === head ? [] : [`${name} is at ${checkpoints.get(name)} of ${head}`])),
        ...(names.includes('effects') && retrying > 0 ? [`effects handles ${retrying} keys again`] : []),
      ].join(', ')
      return behind === ''
    }).catch(error => {
      throw new Error(
        `${error} ${behind}; ${this.nodes.map(({ name, reported, errors }) => `${name} says ${reported.slice(-3).join(' ')} ${errors}`).join('; ')}`,
      )
    })
  }

  /** Waits until everything that was in the log by now was followed. */
  async caughtUpOnce(withinMs: number = PATIENCE_MS, names: readonly string[] = SUBSCRIPTIONS): Promise<void> {
    await this.look()
    const head = this.checker.log.at(-1)?.position ?? 0
    const isThere = async () => {
      const { checkpoints } = await this.look()
      return names.every(name => (checkpoints.get(name) ?? 0) >= head)
    }
    await until(`all is at ${head}`, isThere, withinMs)
  }

  /**
   * Ends the writing, lets all catch up, and gives everything that is wrong. `foreign`: the race has appended by itself, untold; `names`:
   * what has to catch up.
   */
  async settle({ foreign = false, names }: { foreign?: boolean; names?: readonly string[] } = {}): Promise<readonly string[]> {
    await this.rest()
    this.#isOver = true
    await this.#looking
    await this.caughtUp(names)
    const { checkpoints, parked } = await this.look()
    const delivered = await this.place.delivered()
    const attempts = [...this.attempts, ...this.nodes.flatMap(({ attempts }) => attempts)]
    const log = (await this.place.log()).filter(({ stream }) => !foreign || stream.startsWith('counter-'))
    return [
      ...this.#wrong,
      ...this.checker.effects(delivered, checkpoints.get('effects') ?? 0, parked),
      ...this.#ofLeases(),
      ...violations({ attempts, log, readings: [] }).slice(0, WRONG_MAX),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await Promise.all([...this.nodes.map(node => node.end()), ...this.#writers.map(({ kill }) => kill())])
    await this.#looking
    await this.place.close()
    rmSync(this.#folder, { recursive: true })
  }
}
const WRONG_MAX = 10
