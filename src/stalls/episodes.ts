// Keeps what stands still, and what stood still lately, so that a stall that has ended is still explained.
import type { Meter } from '../ports/metrics/meter.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { CAUSES, formatMs, type Stall, type StallCause } from './stall.ts'

/** How many ended episodes are kept. The oldest are forgotten. */
export const EPISODES_MAX = 100
/** How many may be open at once. */
export const OPEN_MAX = 1_000
/** An episode is recorded once it has lasted this long, in ms. A shorter one is only kept and counted. */
export const RECORD_MS = 5_000

/** Causes that have records of their own. */
const TOLD: ReadonlySet<StallCause> = new Set(['retry', 'deaf', 'store', 'parked', 'paused', 'rebuild', 'restored'])

/** A stall from its begin to its end. */
export type StallEpisode = Stall & {
  /** RFC 3339. */
  readonly since: string
  /** When it was over, in RFC 3339. Null: it goes on. */
  readonly ended: string | null
  /** How often it was seen. */
  readonly times: number
}

type Open = StallEpisode & { readonly began: number; readonly isRecorded: boolean }

export class StallEpisodes {
  readonly #report: Report
  readonly #meter: Meter
  readonly #now: () => number
  readonly #open = new Map<string, Open>()
  #ended: readonly StallEpisode[] = []

  /** `now`: in ms since 1970. */
  constructor(report: Report, meter: Meter, now: () => number) {
    this.#report = report
    this.#meter = meter
    this.#now = now
    meter.observe(['emaki.stall.time'], () => ({ 'emaki.stall.time': this.#times() }))
  }

  /** What stands still, in the order in which it was seen first. */
  get open(): readonly StallEpisode[] {
    return [...this.#open.values()].map(episodeOf)
  }

  /** What stood still, the last first. */
  get ended(): readonly StallEpisode[] {
    return this.#ended
  }

  /** Takes what stands still now. What is missing is over. */
  see(stalls: readonly Stall[]): void {
    const now = this.#now()
    const seen = new Map(stalls.slice(0, OPEN_MAX).map(stall => [`${stall.cause} ${stall.subject}`, stall]))
    for (const [key, one] of this.#open) if (!seen.has(key)) this.#end(key, one, now)
    for (const [key, stall] of seen) this.#put(key, stall, now)
  }

  /** Takes what stood still for so many ms until now. */
  seeEnded(stall: Stall, lastedMs: number): void {
    const now = this.#now()
    this.#meter.counter('emaki.stall.episodes', stall.cause).add()
    const began = now - lastedMs
    this.#keep({ ...stall, since: timeOf(began), ended: timeOf(now), times: 1, began, isRecorded: lastedMs >= RECORD_MS })
  }

  #put(key: string, stall: Stall, now: number): void {
    const known = this.#open.get(key)
    if (!known) this.#meter.counter('emaki.stall.episodes', stall.cause).add()
    const began = known?.began ?? Math.min(now, stall.since === null ? now : Date.parse(stall.since))
    const isRecorded = known?.isRecorded === true || this.#begin(stall, began, now)
    const times = (known?.times ?? 0) + 1
    this.#open.set(key, { ...stall, since: timeOf(began), ended: null, times, began, isRecorded })
  }

  /** Records an episode once it has lasted for some time. Gives whether it is recorded. */
  #begin(stall: Stall, began: number, now: number): boolean {
    if (TOLD.has(stall.cause) || now - began < RECORD_MS) return false
    const { cause, subject, sentence, mend } = stall
    const fields = { cause, subject, since: timeOf(began), blocker: stall.chain[0]?.pid }
    this.#report(new Notice({ level: 'warn', code: 'stall-began', message: `${sentence} ${mend}`, fields }))
    return true
  }

  #end(key: string, one: Open, now: number): void {
    this.#open.delete(key)
    this.#keep({ ...one, ended: timeOf(now) })
  }

  #keep({ began, ...episode }: Open & { readonly ended: string }): void {
    this.#ended = [episodeOf({ ...episode, began }), ...this.#ended].slice(0, EPISODES_MAX)
    if (!episode.isRecorded) return
    const { cause, subject, times } = episode
    const lastedMs = Math.round(Date.parse(episode.ended) - began)
    const message = `${episode.sentence} That is over after ${formatMs(lastedMs)}.`
    const fields = { cause, subject, lastedMs, times }
    this.#report(new Notice({ level: 'info', code: 'stall-ended', message, fields }))
  }

  /** How long the oldest stall of each cause lasts, in seconds; 0: there is none. */
  #times() {
    const now = this.#now()
    const all = [...this.#open.values()]
    const longest = (cause: StallCause) => Math.max(0, ...all.filter(one => one.cause === cause).map(one => now - one.began))
    return CAUSES.map(cause => ({ values: [cause] as const, value: longest(cause) / 1_000 }))
  }
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}

function episodeOf({ cause, subject, sentence, since, ended, mend, times, chain }: Open): StallEpisode {
  return { cause, subject, sentence, since, ended, mend, times, chain }
}
