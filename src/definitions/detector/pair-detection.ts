// Detects over what is known by two counts at once, such as rejections and commands: takes counted hours in the order of
// time, joins those of a pair, and closes them.
import { type FindingBasis, noteFinding } from './finding.ts'
import type { HourCount } from './hour-row.ts'
import { HOUR_MS } from './settings.ts'
import { MINUTES } from './type-watch.ts'

/** Which pair a subject belongs to, and which of its two counts it is. */
export type Side = { readonly pair: string; readonly side: 'first' | 'second' }
/** The counts of the minutes of an hour, of those that are over. */
export type Pair = { readonly first: readonly number[]; readonly second: readonly number[] }
type Call = Pick<FindingBasis, 'since' | 'openedAt' | 'closedAt'>

/** How pairs of one kind are watched. `at`: the begin of the next hour of a watch, in ms since 1970. */
export type PairWatching<W extends { readonly at: number }, C extends Call, F extends FindingBasis> = {
  readonly sideOf: (subject: string) => Side | null
  readonly start: (at: number) => W
  readonly closeHour: (watch: W, hour: Pair, pair: string) => { readonly watch: W; readonly calls: readonly C[] }
  /** What is called in an hour that is not over. */
  readonly peekHour: (watch: W, minutes: Pair, pair: string) => readonly C[]
  readonly findingOf: (call: C, watch: W, pair: string) => F
}

type PairState<W, F> = { readonly watch: W; readonly findings: readonly F[] }

export class PairDetection<W extends { readonly at: number }, C extends Call, F extends FindingBasis> {
  readonly #watching: PairWatching<W, C, F>
  readonly #states = new Map<string, PairState<W, F>>()
  /** The hours that are not closed. */
  #counts: readonly (HourCount & Side)[] = []
  #closedUntil = 0

  constructor(watching: PairWatching<W, C, F>) {
    this.#watching = watching
  }

  /** Takes counts that are not before those that it has. What belongs to no pair is left out. */
  add(counts: readonly HourCount[]): void {
    const known = counts.flatMap(count => {
      const side = this.#watching.sideOf(count.subject)
      return side ? [{ ...count, ...side }] : []
    })
    this.#counts = [...this.#counts, ...known]
  }

  forgetOpenHours(): void {
    this.#counts = []
  }

  /** Closes all hours that end at `until` or before. */
  close(until: number): void {
    if (until <= this.#closedUntil) return
    const byPair = Map.groupBy(this.#counts, ({ pair }) => pair)
    for (const [pair, [first]] of byPair)
      if (!this.#states.has(pair)) this.#states.set(pair, { watch: this.#watching.start(first!.hour), findings: [] })
    for (const [pair, state] of this.#states) {
      const byHour = Map.groupBy(byPair.get(pair) ?? [], ({ hour }) => hour)
      this.#states.set(pair, this.#closeHours(pair, state, { byHour, until }))
    }
    this.#counts = this.#counts.filter(({ hour }) => hour + HOUR_MS > until)
    this.#closedUntil = until
  }

  /** What was found until the last close. */
  get findings(): readonly F[] {
    return [...this.#states].flatMap(([pair, { watch, findings }]) => {
      const over = Math.max(0, Math.floor(((this.#closedUntil - watch.at) * MINUTES) / HOUR_MS))
      const counts = this.#counts.filter(count => count.pair === pair && count.hour === watch.at)
      const calls = this.#watching.peekHour(watch, joinPair(counts, over), pair)
      return calls.map(call => this.#watching.findingOf(call, watch, pair)).reduce(noteFinding<F>, findings)
    })
  }

  get watches(): readonly (readonly [pair: string, watch: W])[] {
    return [...this.#states].map(([pair, { watch }]) => [pair, watch])
  }

  #closeHours(pair: string, state: PairState<W, F>, { byHour, until }: Closing): PairState<W, F> {
    let { watch, findings } = state
    for (let hour = watch.at; hour + HOUR_MS <= until; hour += HOUR_MS) {
      const step = this.#watching.closeHour(watch, joinPair(byHour.get(hour) ?? []), pair)
      watch = step.watch
      findings = step.calls.map(call => this.#watching.findingOf(call, step.watch, pair)).reduce(noteFinding<F>, findings)
    }
    return { watch, findings }
  }
}

type Closing = { readonly byHour: ReadonlyMap<number, readonly (HourCount & Side)[]>; readonly until: number }

function joinPair(counts: readonly (HourCount & Side)[], over: number = MINUTES): Pair {
  const sideOf = (side: Side['side']) => (counts.find(count => count.side === side)?.minutes ?? NOTHING).slice(0, over)
  return { first: sideOf('first'), second: sideOf('second') }
}
const NOTHING: readonly number[] = new Array<number>(MINUTES).fill(0)
