// Reading for the next flight: states and keys of all that wait, with one statement, while the flight before it is under way.
import type { Store } from '../store/store.ts'
import type { Trace } from '../trace/trace.ts'
import { type Desk, isForNow } from './desk.ts'

/** The most streams that one load asks for. */
const LOAD_STREAMS_MAX = 512
/** How many loads may be under way at once. */
const LOADS_MAX = 2

export class Loader {
  readonly #store: Store
  readonly #trace: Trace
  readonly #arrivals: () => number
  readonly #turn: (desk: Desk) => void
  readonly #fail: (desk: Desk, error: unknown) => void
  #waiting: Desk[] = []
  #loads = 0
  #scheduled = false

  constructor(
    store: Store,
    trace: Trace,
    arrivals: () => number,
    turn: (desk: Desk) => void,
    fail: (desk: Desk, error: unknown) => void,
  ) {
    this.#store = store
    this.#trace = trace
    this.#arrivals = arrivals
    this.#turn = turn
    this.#fail = fail
  }

  add(desk: Desk): void {
    this.#waiting.push(desk)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#loads >= LOADS_MAX || !this.#waiting.length) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#load(this.#waiting.splice(0, LOAD_STREAMS_MAX))
      this.#schedule()
    })
  }

  async #load(desks: readonly Desk[]): Promise<void> {
    this.#loads++
    const readAt = this.#arrivals()
    const asked = desks.map(desk => desk.queue.filter(({ keyCheck }) => keyCheck === 'before'))
    try {
      const found = await this.#read(
        desks,
        asked.flat().map(({ key }) => key!.key),
      )
      const keys = new Map(found.keys.map(key => [key.key, key]))
      desks.forEach((desk, i) => {
        try {
          desk.loaded(found.streams[i]!, keys, asked[i]!, readAt)
          if (found.streams[i]!.more) this.add(desk)
          else this.#turn(desk)
        } catch (error) {
          this.#fail(desk, error)
        }
      })
    } catch (error) {
      // What one stream breaks is found in halves, so that only its commands fail.
      if (desks.length === 1 || isForNow(error)) for (const desk of desks) this.#fail(desk, error)
      else for (const half of [desks.slice(0, desks.length >> 1), desks.slice(desks.length >> 1)]) await this.#load(half)
    } finally {
      this.#loads--
      this.#schedule()
    }
  }

  #read(desks: readonly Desk[], keys: readonly string[]): ReturnType<Store['load']> {
    const wanted = desks.map(({ stream, folded, decider }) => ({
      stream,
      after: folded?.version ?? 0,
      snapshot: folded ? undefined : decider.snapshot?.version,
    }))
    const parents = desks.flatMap(({ queue }) => queue.map(({ parent }) => parent))
    return this.#trace.step('load', parents, { 'emaki.streams': desks.length, 'db.system.name': this.#store.system }, () =>
      this.#store.load(wanted, keys),
    )
  }
}
