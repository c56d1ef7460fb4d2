// The append lane: what waits shares a flight, which is one append with an outcome for each unit. Nothing waits on a timer.
import { StoreError, type Store, type Unit, type UnitOutcome } from '../store/store.ts'
import type { Trace, TraceContext } from '../trace/trace.ts'

/** How many flights may be under way at once. */
const FLIGHTS_MAX = 1
/** The most units of a flight, and the most payload, in characters, after which it takes no more. */
const FLIGHT_UNITS_MAX = 1_024
const FLIGHT_SIZE_MAX = 1_048_576
const RESEND_MS = 20

/** Something that wants to append: a stream's waiting commands, or one request over several streams. */
export interface Work {
  readonly streams: readonly string[]
  /** Wants a flight of its own, after losing its stream to another process. */
  readonly alone: boolean
  /** What to append now; null when nothing is left to. Called once for each flight it joins. */
  draft(): Draft | null
  /** Ends what waits and whose time is over. */
  sweep(now: number): void
}

/** A unit on its way, and whom to tell. Exactly one of `landed` and `lost` is called. */
export type Draft = {
  readonly unit: Unit
  readonly size: number
  /** May be said again when its outcome is unknown: its expectations are exact, or it has a key. */
  readonly again: boolean
  /** Until when it is said again, on the clock of performance.now. */
  readonly until: number
  readonly parents: readonly (TraceContext | null)[]
  readonly landed: (outcome: UnitOutcome) => void
  readonly lost: (error: unknown) => void
}

type Said = { readonly ok: true; readonly outcomes: readonly UnitOutcome[] } | { readonly ok: false; readonly error: unknown }

/**
 * Builds flights in the order in which work arrived, bounded in count and bytes. A stream belongs to one unit of a flight: whatever
 * shares a stream with a taken unit waits, and nothing overtakes it there.
 */
export class Lane {
  readonly #store: Store
  readonly #trace: Trace
  /** Called when each unit of an append was told of its outcome. */
  readonly #landed: () => void
  readonly #busy = new Set<string>()
  #ready: Work[] = []
  #flights = 0
  #scheduled = false
  #idle: (() => void)[] = []

  constructor(store: Store, trace: Trace, landed: () => void) {
    this.#store = store
    this.#trace = trace
    this.#landed = landed
  }

  add(work: Work): void {
    this.#ready.push(work)
    this.#schedule()
  }

  sweep(now: number): void {
    for (const work of this.#ready) work.sweep(now)
  }

  /** Resolves when nothing waits and nothing is under way. */
  async drained(): Promise<void> {
    while (this.#flights || this.#ready.length) await new Promise<void>(resolve => this.#idle.push(resolve))
  }

  #schedule(): void {
    if (this.#scheduled || this.#flights >= FLIGHTS_MAX) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.#pump()
    })
  }

  #pump(): void {
    while (this.#flights < FLIGHTS_MAX && this.#ready.length) {
      const drafts = this.#take()
      if (!drafts.length) break
      void this.#fly(drafts)
    }
    if (!this.#flights && !this.#ready.length) for (const resolve of this.#idle.splice(0)) resolve()
  }

  #take(): Draft[] {
    const drafts: Draft[] = []
    const waiting: Work[] = []
    const blocked = new Set<string>()
    const ready = this.#ready
    let size = 0
    let index = 0
    for (; index < ready.length && drafts.length < FLIGHT_UNITS_MAX && size < FLIGHT_SIZE_MAX; index++) {
      const work = ready[index]!
      if ((work.alone && drafts.length > 0) || work.streams.some(stream => this.#busy.has(stream) || blocked.has(stream))) {
        for (const stream of work.streams) blocked.add(stream)
        waiting.push(work)
        continue
      }
      const draft = work.draft()
      if (!draft) continue
      for (const stream of work.streams) this.#busy.add(stream)
      drafts.push(draft)
      size += draft.size
      if (work.alone) {
        index++
        break
      }
    }
    this.#ready = waiting.length ? waiting.concat(ready.slice(index)) : ready.slice(index)
    return drafts
  }

  async #fly(drafts: readonly Draft[]): Promise<void> {
    this.#flights++
    try {
      await this.#say(drafts)
    } finally {
      this.#flights--
      for (const { unit } of drafts) for (const { stream } of unit.slices) this.#busy.delete(stream)
      if (this.#ready.length) this.#schedule()
      else this.#pump()
    }
  }

  /** Says a flight until each of its units has an answer, or its time is over. */
  async #say(drafts: readonly Draft[]): Promise<void> {
    let left = drafts
    let doubt: StoreError | null = null
    for (;;) {
      const said = await this.#outcomes(left, doubt !== null)
      if (said.ok) {
        left.forEach((draft, i) => void draft.landed(said.outcomes[i]!))
        return this.#landed()
      }
      const { error } = said
      if (error instanceof StoreError && error.reason === 'unknown') doubt = error
      else if (!doubt && isRefusal(error) && left.length > 1) return this.#apart(left)
      if (!doubt) return left.forEach(({ lost }) => void lost(error))
      left = giveUp(left, doubt)
      if (!left.length) return
      await Bun.sleep(RESEND_MS)
    }
  }

  /** What became of an append. Only this is tried: a failure in what follows a commit must not say it again. */
  async #outcomes(drafts: readonly Draft[], doubted: boolean): Promise<Said> {
    try {
      const outcomes = await this.#append(drafts)
      return {
        ok: true,
        outcomes: doubted ? await Promise.all(drafts.map(({ unit }, i) => this.#own(unit, outcomes[i]!))) : outcomes,
      }
    } catch (error) {
      return { ok: false, error }
    }
  }

  #append(drafts: readonly Draft[]): Promise<readonly UnitOutcome[]> {
    const units = drafts.map(({ unit }) => unit)
    return this.#trace.step(
      'append',
      drafts.flatMap(({ parents }) => parents),
      { 'emaki.units': units.length, 'db.system.name': this.#store.system },
      () => this.#store.append(units),
    )
  }

  /** Nothing of a refused flight was appended: its halves go one after the other, so that only the refused unit fails. */
  async #apart(drafts: readonly Draft[]): Promise<void> {
    const half = drafts.length >> 1
    await this.#say(drafts.slice(0, half))
    await this.#say(drafts.slice(half))
  }

  /** After a doubt: a conflict, or a known key, whose events carry our ids is our own append, which did happen. */
  async #own(unit: Unit, outcome: UnitOutcome): Promise<UnitOutcome> {
    const written = unit.slices.filter(({ events }) => events.length > 0)
    if (outcome.outcome === 'appended' || !written.length) return outcome
    const slices = await Promise.all(
      unit.slices.map(async ({ stream, expect, events }) => {
        if (!events.length) return { version: typeof expect === 'number' ? expect : 0, position: 0, at: '' }
        const after =
          typeof expect === 'number'
            ? expect
            : (outcome.outcome === 'duplicate' ? (outcome.keys.find(key => key.stream === stream)?.version ?? 0) : 0) -
              events.length
        const found = after < 0 ? [] : await this.#store.read(stream, { after, limit: events.length })
        const last = found.at(-1)
        return last && found.length === events.length && found.every(({ id }, i) => id === events[i]!.id) ? last : null
      }),
    )
    const own = slices.filter(slice => slice !== null)
    if (own.length < slices.length) return outcome
    const landed = own.map(({ version, position }) => ({ version, position }))
    return { outcome: 'appended', slices: landed, at: own.find(({ at }) => at)!.at }
  }
}

/** Whether a store says that nothing was appended and never will be. An error of another kind says nothing. */
export function isRefusal(error: unknown): boolean {
  return error instanceof StoreError && error.reason === 'refused'
}

/** Ends what may not be said again and what is out of time; gives the rest. */
function giveUp(drafts: readonly Draft[], error: StoreError): readonly Draft[] {
  const now = performance.now()
  return drafts.filter(draft => {
    if (draft.again && draft.until > now) return true
    draft.lost(error)
    return false
  })
}
