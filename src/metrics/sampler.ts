// Writes what this process has counted into the store, once a minute, for the detectors. A batch is frozen with its
// number until the store has confirmed it, so that none is added twice; what is counted meanwhile makes the next one.
import { sleep as machineSleep } from '../lib/sleep.ts'
import { Episode } from '../ports/report/episode.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { SAMPLE_MINUTES, type Sample, type SampleBatch, type Samples, SAMPLES_KEEP_MS } from '../ports/samples/samples.ts'

const MINUTE_MS = 60_000
const HOUR_MS: number = SAMPLE_MINUTES * MINUTE_MS
/** How many samples a batch has. */
export const BATCH_SAMPLES_MAX = 500
/** How many samples wait while the store is away, one for each subject and hour. The oldest go first, and that is said. */
export const PENDING_SAMPLES_MAX = 5_000
/** A clock that has moved by so much more or less than a minute has jumped, in ms. It forgets nothing for an hour. */
const JUMP_MS: number = 5 * MINUTE_MS
const FORGET_TICKS = 60

export type SamplerOptions = {
  readonly samples: Samples
  /** How much of each subject was counted since the process began. */
  readonly count: () => ReadonlyMap<string, number>
  /** Names this process. */
  readonly writer: string
  /** In ms since 1970. */
  readonly now: () => number
  readonly report: Report
  /** Waits so many ms, or until the signal aborts. Default: by the machine's clock. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

type PendingSample = Omit<Sample, 'minutes'> & { readonly minutes: number[] }

export class Sampler {
  readonly #options: SamplerOptions
  readonly #writes: Episode
  readonly #forgets: Episode
  readonly #closing = new AbortController()
  #running: Promise<unknown> = Promise.resolve()
  #writing: Promise<void> | null = null
  #counted: ReadonlyMap<string, number>
  /** By hour and subject, those that were begun first first. */
  readonly #pending = new Map<string, PendingSample>()
  #batch: SampleBatch | null = null
  #number = 0
  #lost = 0
  #tickedAt: number | null = null
  /** How many ticks the clock has gone on for without a jump. */
  #steadyTicks = 0

  constructor(options: SamplerOptions) {
    this.#options = options
    this.#counted = options.count()
    const { report } = options
    this.#writes = new Episode({ report, what: 'What detectors count could not be saved', mend: 'It is kept meanwhile.' })
    this.#forgets = new Episode({ report, what: 'Old counts of detectors could not be deleted', mend: 'Mend the database.' })
  }

  start(): void {
    this.#running = this.#run()
  }

  /** Writes what was counted last, if the store is there. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    await this.tick()
    if (this.#batch || this.#pending.size) this.#lost += this.#pending.size + (this.#batch?.samples.length ?? 0)
    this.#reportLost()
  }

  /** Counts the last minute, and writes it. */
  async tick(): Promise<void> {
    this.#count()
    await this.#write()
  }

  async #run(): Promise<void> {
    const { sleep = machineSleep, now } = this.#options
    const { signal } = this.#closing
    for (;;) {
      // At the begin of a minute, so that all that was counted is of one.
      await sleep(MINUTE_MS - (Math.floor(now()) % MINUTE_MS), signal)
      if (signal.aborted) return
      this.#count()
      // A store that hangs does not keep minutes from being counted.
      void this.#write()
    }
  }

  #count(): void {
    const now = this.#options.now()
    const at = Math.max(0, now - MINUTE_MS / 2)
    const hour = at - (at % HOUR_MS)
    const minute = Math.floor((at - hour) / MINUTE_MS)
    const before = this.#counted
    this.#counted = this.#options.count()
    for (const [subject, counted] of this.#counted) {
      const more = counted - (before.get(subject) ?? 0)
      if (more !== 0) this.#sampleOf(subject, hour).minutes[minute]! += more
    }
    const isSteady = this.#tickedAt !== null && Math.abs(now - this.#tickedAt - MINUTE_MS) < JUMP_MS
    this.#steadyTicks = isSteady ? this.#steadyTicks + 1 : 0
    this.#tickedAt = now
  }

  #sampleOf(subject: string, hour: number): PendingSample {
    const key = `${hour} ${subject}`
    const found = this.#pending.get(key)
    if (found) return found
    const made = { subject, hour, minutes: new Array<number>(SAMPLE_MINUTES).fill(0) }
    this.#pending.set(key, made)
    if (this.#pending.size > PENDING_SAMPLES_MAX) {
      this.#pending.delete(this.#pending.keys().next().value!)
      this.#lost++
    }
    return made
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#batch || this.#pending.size) {
        this.#batch ??= this.#nextBatch()
        await this.#options.samples.add(this.#batch)
        this.#batch = null
      }
      this.#reportLost()
      this.#writes.succeed()
    } catch (error) {
      this.#writes.fail(error)
      return
    }
    if (this.#steadyTicks > 0 && this.#steadyTicks % FORGET_TICKS === 0) await this.#forget()
  }

  #nextBatch(): SampleBatch {
    const samples = [...this.#pending].slice(0, BATCH_SAMPLES_MAX)
    for (const [key] of samples) this.#pending.delete(key)
    return { writer: this.#options.writer, number: ++this.#number, samples: samples.map(([, sample]) => sample) }
  }

  #reportLost(): void {
    if (this.#lost === 0) return
    const fields = { samples: this.#lost }
    this.#lost = 0
    const message = `${fields.samples} hours of counts were not saved for the detectors: the store was away for too long.`
    this.#options.report(new Notice({ level: 'warn', code: 'samples-lost', message, fields }))
  }

  async #forget(): Promise<void> {
    const { samples, now } = this.#options
    try {
      await samples.forget(Math.floor(now()) - SAMPLES_KEEP_MS)
      this.#forgets.succeed()
    } catch (error) {
      this.#forgets.fail(error)
    }
  }
}
