// Nodes that serve in processes of their own, under a supervisor that starts them again when they end. What a node tells is in files,
// so that it outlives a SIGKILL.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Attempt } from '../../adapters/postgres/races/history.ts'
import { signalIfAlive } from '../../test-support/servers/child-processes.ts'
import { eventually } from '../../adapters/postgres/races/patience.ts'
import type { Leased } from './checker.ts'
import type { Poison } from './poison.ts'
import type { SourcePlantName } from './sources.ts'
import type { LeasePlant, Stop } from './watched.ts'

export type NodeJob = {
  readonly name: string
  /** The name, and which of its lives it is. */
  readonly who: string
  readonly folder: string
  readonly database:
    | { readonly kind: 'postgres'; readonly url: string; readonly schema: string; readonly deadlineMs: number }
    | { readonly kind: 'sqlite'; readonly file: string }
  /** Where effects go: a database of the test's own, whatever is done to the other. */
  readonly effects: string
  readonly leaseMs: number
  readonly seed: string
  /** How long each caller pauses at most between two commands, in ms. */
  readonly paceMs: number
  readonly plant: LeasePlant | SourcePlantName | null
  readonly poison: Poison | null
}

export type Order =
  | { readonly do: 'load'; readonly callers: number }
  | { readonly do: 'stop'; readonly stop: Stop }
  | { readonly do: 'rest' }
  | { readonly do: 'ping' }
  | { readonly do: 'end' }

/** What its process runs, by default the script of these races, and with which variables besides its own. */
export type Running = { readonly script?: string; readonly env?: Readonly<Record<string, string>> }

const LIVES_MAX = 200

export class Node {
  readonly #job: Omit<NodeJob, 'who'>
  readonly #running: Running
  #child: Bun.Subprocess | null = null
  /** Whether it serves, in the life that it is in. */
  isReady = false
  #isResting = false
  #pongs = 0
  #isEnding = false
  #callers = 0
  lives = 0

  constructor(job: Omit<NodeJob, 'who'>, running: Running = {}) {
    this.#job = job
    this.#running = running
    this.#live()
  }

  get name(): string {
    return this.#job.name
  }

  /** Begins to send commands, in this life and each that follows. */
  load(callers: number): void {
    this.#callers = callers
    this.#tell({ do: 'load', callers })
  }

  /** Stops itself at that point, once. */
  stop(stop: Stop): void {
    this.#tell({ do: 'stop', stop })
  }

  /** How often it has stopped itself. */
  get stopped(): number {
    return this.#lines('stopped').length
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    signalIfAlive(this.pid, signal)
  }

  /** SIGKILL; the supervisor starts it again. */
  async kill(): Promise<void> {
    const child = this.#child!
    child.kill('SIGKILL')
    await child.exited
  }

  /** SIGTERM, in the middle of what it does; gives its exit code. The supervisor starts it again. */
  terminate(): Promise<number> {
    const child = this.#child!
    child.kill('SIGTERM')
    return child.exited
  }

  /** Sends no more commands, in no life. */
  async rest(): Promise<void> {
    this.#callers = 0
    if (this.#isEnding) return
    await eventually(`${this.name} serves`, () => this.isReady)
    const life = this.lives
    this.#isResting = false
    this.#tell({ do: 'rest' })
    // A next life is not told to send any.
    await eventually(`${this.name} rests`, () => this.#isResting || this.lives > life)
  }

  /** Ends it, however it is. */
  async end(): Promise<void> {
    this.#isEnding = true
    this.#child!.kill('SIGKILL')
    await this.#child!.exited
  }

  /** Ends it as a deployment would: leases are given back. */
  async close(): Promise<void> {
    this.#isEnding = true
    this.#tell({ do: 'end' })
    await this.#child!.exited
  }

  /** Resolves when it answers. */
  answers(): Promise<void> {
    return eventually(`${this.name} answers`, this.#asked())
  }

  /**
   * Whether it is busy with something that does not end: asked, it has not answered while it used so much of a processor, in ms, or
   * it is not ready after all that a start may use. By its own time, as one that waits for a processor on a busy machine does not hang.
   */
  async hangs(busyMs: number): Promise<boolean> {
    const [life, from] = [this.lives, processorMs(this.pid)]
    const hasAnswered = this.isReady ? this.#asked() : () => this.isReady
    const allowedMs = this.isReady ? busyMs : START_MS
    const isOver = () => hasAnswered() || this.lives > life
    await eventually(`${this.name} answers, or is seen to hang`, () => isOver() || processorMs(this.pid) - from > allowedMs)
    return !isOver()
  }

  /** Asks it, and gives what tells whether it has answered. */
  #asked(): () => boolean {
    const before = this.#pongs
    this.#tell({ do: 'ping' })
    return () => this.#pongs > before
  }

  get pid(): number {
    return this.#child!.pid
  }

  /** What it tried, the last word on each attempt. */
  get attempts(): readonly Attempt[] {
    const attempts = this.#lines('attempts') as readonly Attempt[]
    return [...new Map(attempts.map(attempt => [`${attempt.who} ${attempt.no}`, attempt])).values()]
  }

  get leases(): readonly Leased[] {
    return this.#lines('leases') as readonly Leased[]
  }

  get reported(): readonly string[] {
    return this.#lines('reported') as readonly string[]
  }

  /** What its lives wrote to standard error. */
  get errors(): string {
    const file = join(this.#job.folder, `${this.name}.errors`)
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-ERRORS_MAX) : ''
  }

  #tell(order: Order): void {
    this.#child!.send(order)
  }

  #live(): void {
    if (++this.lives > LIVES_MAX) throw new Error(`${this.name} ended ${LIVES_MAX} times`)
    const job: NodeJob = { ...this.#job, who: `${this.name}.${this.lives}`, seed: `${this.#job.seed} ${this.lives}` }
    const planting = job.plant === null ? [] : ['--preload', join(import.meta.dir, 'planting.ts')]
    const { script = join(import.meta.dir, 'node.ts'), env = {} } = this.#running
    const child = Bun.spawn([process.execPath, ...planting, script, JSON.stringify(job)], {
      env: { ...process.env, ...env },
      stdout: 'inherit',
      stderr: Bun.file(join(job.folder, `${job.name}.errors`)),
      timeout: LIFE_MAX_MS,
      killSignal: 'SIGKILL',
      ipc: (said: unknown) => {
        if (said === 'rests') this.#isResting = true
        if (said === 'pong') this.#pongs++
        if (said !== 'ready') return
        this.isReady = true
        if (this.#callers) this.load(this.#callers)
      },
    })
    this.#child = child
    void child.exited.then(() => {
      this.isReady = false
      if (!this.#isEnding) this.#live()
    })
  }

  #lines(what: string): readonly unknown[] {
    const file = join(this.#job.folder, `${this.name}.${what}`)
    if (!existsSync(file)) return []
    // The last line may be cut off by a kill, and one after it begun behind it.
    return readFileSync(file, 'utf8')
      .split('\n')
      .flatMap(line => {
        try {
          return line ? [JSON.parse(line) as unknown] : []
        } catch {
          return []
        }
      })
  }
}
const ERRORS_MAX = 1_000

/** How much of a processor a process has used, in ms; where Linux does not tell, the time that has passed. */
function processorMs(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
    return (Number(fields[USER_TICKS]) + Number(fields[SYSTEM_TICKS])) * TICK_MS
  } catch {
    return performance.now()
  }
}
/** Which they are of the fields behind the name, and how long a tick takes: 10 ms wherever Linux is as it comes. */
const USER_TICKS = 11
const SYSTEM_TICKS = 12
const TICK_MS = 10
/** What a start may use of a processor, in ms: it takes less than one second of it. */
const START_MS = 5_000
const LIFE_MAX_MS = 300_000
