// Batched loads: one statement reads the states and keys that many streams wait for, while a batch is being appended.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { Turn } from '../lib/turns.ts'
import type { TracedLog } from '../ports/store/log.ts'
import type { StoredKey } from '../ports/store/unit.ts'
import type { Trace } from '../ports/trace/trace.ts'
import type { CommandObserver } from './observer.ts'
import { isTransient } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'
import { foldLoaded, type StreamState } from './stream-state.ts'

/** The most streams of one load. */
const LOAD_STREAMS_MAX = 512
/** How many loads may run at once. */
const LOADS_MAX = 2

/**
 * A stream to load after its known state, and the commands that wait for it. Commands are read as the load leaves, so
 * late ones join.
 */
export type Loadable = {
  readonly stream: string
  readonly decider: DeciderSpec
  readonly state: StreamState | null
  readonly commands: readonly Pick<PendingCommand, 'key' | 'keyCheck' | 'parent'>[]
}

/** A stream's share of a load. */
export type StreamLoad = {
  readonly state: StreamState
  /** The commands whose keys the load asked for, and the stored keys of the whole load. */
  readonly asked: ReadonlySet<Loadable['commands'][number]>
  readonly keys: ReadonlyMap<string, StoredKey>
  /** The arrival number of the next command at the time when the load left. */
  readonly readAt: number
}

const NO_COMMANDS: StreamLoad['asked'] = new Set()

type LoadShare = StreamLoad & { readonly hasMore: boolean; readonly events: number }
type WaitingLoad = { readonly wanted: Loadable; readonly known: StreamState | null } & Omit<
  PromiseWithResolvers<LoadShare>,
  'promise'
>

export class Loader {
  readonly #store: TracedLog
  readonly #trace: Trace
  readonly #nextArrival: () => number
  readonly #observer: Pick<CommandObserver, 'loaded'>
  #waiting: WaitingLoad[] = []
  #loads = 0
  #isScheduled = false

  constructor(store: TracedLog, trace: Trace, observer: Pick<CommandObserver, 'loaded'>, nextArrival: () => number) {
    this.#observer = observer
    this.#store = store
    this.#trace = trace
    this.#nextArrival = nextArrival
  }

  /**
   * Joins the next load and gives its share, once the stream is read to its end. Rejects with the error of its own
   * stream.
   */
  async load(wanted: Loadable): Promise<StreamLoad> {
    let share = await this.#join(wanted, wanted.state)
    let { events } = share
    while (share.hasMore) {
      share = await this.#join(wanted, share.state)
      events += share.events
    }
    this.#observer.loaded(wanted.decider, events)
    return share
  }

  #join(wanted: Loadable, known: StreamState | null): Promise<LoadShare> {
    const { promise, resolve, reject } = Promise.withResolvers<LoadShare>()
    this.#waiting.push({ wanted, known, resolve, reject })
    this.#schedule()
    return promise
  }

  #schedule(): void {
    if (this.#isScheduled || this.#loads >= LOADS_MAX || !this.#waiting.length) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      void this.#sendBatch(this.#waiting.splice(0, LOAD_STREAMS_MAX))
      this.#schedule()
    })
  }

  async #sendBatch(batch: readonly WaitingLoad[]): Promise<void> {
    this.#loads++
    await this.#loadBatch(batch)
    this.#loads--
    this.#schedule()
  }

  async #loadBatch(batch: readonly WaitingLoad[]): Promise<void> {
    const readAt = this.#nextArrival()
    const asked = batch.map(({ wanted }) => wanted.commands.filter(({ keyCheck }) => keyCheck === 'before'))
    try {
      const { streams, keys: stored } = await this.#readBatch(
        batch,
        asked.flatMap(commands => commands.map(({ key }) => key!.key)),
      )
      const keys = new Map(stored.map(key => [key.key, key]))
      const turn = new Turn()
      for (const [i, { wanted, known, resolve, reject }] of batch.entries()) {
        try {
          const state = foldLoaded(wanted.decider, wanted.stream, known, streams[i]!)
          const { more: hasMore, facts } = streams[i]!
          const ofIts = asked[i]!.length ? new Set(asked[i]) : NO_COMMANDS
          resolve({ state, asked: ofIts, keys, readAt, hasMore, events: facts.length })
        } catch (error) {
          reject(error)
        }
        if (turn.isOver) await turn.next()
      }
    } catch (error) {
      await this.#loadHalves(batch, error)
    }
  }

  /** Finds the stream that breaks a load, by loading halves, so that no other stream fails. */
  async #loadHalves(batch: readonly WaitingLoad[], error: unknown): Promise<void> {
    if (batch.length === 1 || isTransient(error)) return batch.forEach(({ reject }) => void reject(error))
    const half = batch.length >> 1
    await this.#loadBatch(batch.slice(0, half))
    await this.#loadBatch(batch.slice(half))
  }

  #readBatch(batch: readonly WaitingLoad[], keys: readonly string[]): ReturnType<TracedLog['load']> {
    const requests = batch.map(({ wanted: { stream, decider }, known }) => ({
      stream,
      after: known?.version ?? 0,
      snapshot: known ? undefined : decider.snapshot?.fold,
      meta: decider.readsMeta,
    }))
    const parents = batch.flatMap(({ wanted }) => wanted.commands.map(({ parent }) => parent))
    return this.#trace.step('load', parents, { 'emaki.streams': batch.length, 'db.system.name': this.#store.system }, () =>
      this.#store.load(requests, keys),
    )
  }
}
