// Past states: at a version, or at a time. A long stream is folded page by page, and states on the way stay in memory, so
// that the next fold begins at the nearest one.
import { patience } from '../lib/patience.ts'
import { LRUCache } from 'lru-cache'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import type { Meta } from '../definitions/event/events.ts'
import { freeze } from '../definitions/event/payload.ts'
import { factOf } from '../definitions/event/read.ts'
import type { StateAt, StateMoment } from '../definitions/reads.ts'
import { limitConcurrency } from '../lib/semaphore.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Log } from '../ports/store/log.ts'
import { streamPages } from '../ports/store/pages.ts'
import { boundSize } from './stream-state.ts'

/** A folded state, the time until which its events happened, in ms since 1970, and a bound of its length. */
type PastState = Folded & { readonly position: number; readonly happenedUntil: number; readonly size: number }

/** How many folds run at once. A fold takes the processor, so that more would only be slower. */
const FOLDS_MAX = 2
/** The bounds of a page: what is folded before the event loop may turn. */
const PAGE = { limit: 500, sizeMax: 1_048_576 }
/** After so many events a state is kept. Of one stream, so many are kept: beyond, every other one is dropped. */
const KEEP_EVERY = 5_000
const KEPT_MAX = 16
/** The bound of the kept states of all streams, in characters. */
const KEPT_SIZE_MAX = 67_108_864

export class PastStates {
  readonly #store: Log
  readonly #inTurn = limitConcurrency(FOLDS_MAX)
  readonly #kept = new LRUCache<string, readonly PastState[]>({
    maxSize: KEPT_SIZE_MAX,
    sizeCalculation: states => states.reduce((sum, { size }) => sum + size + 1, 0),
  })

  constructor(store: Log) {
    this.#store = store
  }

  /**
   * Folds a stream up to a version, or up to the first event that happened after a time. An imported event happened at
   * its `occurredAt`. Throws DamagedStream if events are missing, and a StoreError if it takes too long.
   */
  load(decider: DeciderSpec, stream: string, when: StateMoment): Promise<StateAt> {
    // With the wait for its turn. What is folded by then, the next one need not fold.
    const deadline = performance.now() + patience.commandMs
    const late = () => new StoreError('unavailable', `a past state of ${stream} was not folded within ${patience.commandMs} ms`)
    const run = () => this.#fold(decider, stream, when, () => performance.now() > deadline && late())
    return this.#inTurn(run, { waitMs: patience.commandMs, lateError: late })
  }

  async #fold(decider: DeciderSpec, stream: string, when: StateMoment, findLate: () => StoreError | false): Promise<PastState> {
    const { version = Number.MAX_SAFE_INTEGER, at } = when
    let past = await this.#findStart(decider, stream, when)
    for await (const page of streamPages(this.#store, stream, { ...PAGE, after: past.version, until: version })) {
      const late = findLate()
      if (late) throw late
      const end = at ? page.findIndex(event => happenedAt(event) > at.getTime()) : -1
      const before = past.version
      past = foldPage(decider, stream, past, end < 0 ? page : page.slice(0, end))
      if (end >= 0) break
      if (Math.floor(before / KEEP_EVERY) < Math.floor(past.version / KEEP_EVERY)) this.#keep(stream, past)
    }
    return past
  }

  /** The latest known state that lies before the moment: one that was kept, the snapshot, or the initial one. */
  async #findStart(
    decider: DeciderSpec,
    stream: string,
    { version = Number.MAX_SAFE_INTEGER, at }: StateMoment,
  ): Promise<PastState> {
    const until = at?.getTime() ?? Number.POSITIVE_INFINITY
    const known = this.#kept.get(stream)?.findLast(past => past.version <= version && past.happenedUntil <= until)
    const start = known ?? { state: decider.initial, version: 0, position: 0, happenedUntil: Number.NEGATIVE_INFINITY, size: 0 }
    // Nobody knows the times of the events in a snapshot. A state at its very version has a position that it lacks.
    if (!decider.snapshot || at) return start
    const { streams } = await this.#store.load([{ stream, after: start.version, snapshot: decider.snapshot.fold }], [])
    const snapshot = streams[0]?.snapshot
    if (!snapshot || snapshot.version >= version) return start
    const { state } = snapshot
    return { ...start, state: freeze(state), version: snapshot.version, happenedUntil: Number.POSITIVE_INFINITY }
  }

  #keep(stream: string, past: PastState): void {
    const others = (this.#kept.get(stream) ?? []).filter(({ version }) => version !== past.version)
    const all = [...others, past].sort((a, b) => a.version - b.version)
    this.#kept.set(stream, all.length > KEPT_MAX ? all.filter((_, i) => i % 2 === 1) : all)
  }
}

function foldPage(decider: DeciderSpec, stream: string, past: PastState, events: readonly StoredEvent[]): PastState {
  const facts = events.map(event => factOf(event, decider.readsMeta))
  const folded = fold(decider, stream, past, facts)
  return {
    ...folded,
    position: events.at(-1)?.position ?? past.position,
    happenedUntil: events.reduce((latest, event) => Math.max(latest, happenedAt(event)), past.happenedUntil),
    size: boundSize(
      folded.state,
      past.size,
      events.reduce((sum, { data }) => sum + data.length, 0),
    ),
  }
}

/** When an event happened, in ms since 1970. */
function happenedAt({ at, meta }: StoredEvent): number {
  const { occurredAt = at } = JSON.parse(meta) as Partial<Meta>
  return Date.parse(occurredAt)
}
