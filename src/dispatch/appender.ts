// Batched appends: all that waits shares one append, with an outcome for each unit. Nothing waits on a timer.
import { Turn } from '../lib/turns.ts'
import type { TracedLog } from '../ports/store/log.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { type AppendResult, appendBatch, type BatchPort, type PendingAppend, type SentAppend } from './append-batch.ts'
import type { Committed } from './committed-pages.ts'

/** The most units of a batch, and the payload after which it takes no more, in characters. */
const BATCH_UNITS_MAX = 1_024
const BATCH_SIZE_MAX = 1_048_576
const NONE: readonly string[] = []

/** A source of one append: the waiting commands of a stream, or one request over several streams. */
export type Appendable<A extends PendingAppend> = {
  readonly streams: readonly string[]
  /** Streams that it only checks, which others of its batch may check, too. */
  readonly reads?: readonly string[]
  /** Whether it needs a batch of its own, because it lost its stream to another process. */
  readonly isExclusive: boolean
  /**
   * Called as its batch leaves, so late commands join. It may decide until the turn is over. Null: there is nothing to
   * append any more.
   */
  readonly takeAppend: (turn: Turn) => A | null
  /** Whether its time is over, at a time of performance.now. */
  readonly isLate?: (now: number) => boolean
}

/** An append with its result. */
export type Appended<A> = { readonly append: A; readonly result: AppendResult }

type WaitingAppend = {
  readonly appendable: Appendable<PendingAppend>
  readonly resolve: (appended: Appended<PendingAppend> | null) => void
}

/**
 * Builds batches in the order of arrival, bounded in count, bytes and time, with one batch under way at a time. One batch has
 * at most one unit for a stream that a unit writes. Any other append for that stream waits, and nothing overtakes it there.
 */
export class Appender {
  readonly #port: BatchPort
  #waiting: WaitingAppend[] = []
  #isAppending = false
  #isScheduled = false
  #onDrained: (() => void)[] = []

  /** `publish` gets the events that one append committed, after its callers were answered. */
  constructor(store: TracedLog, trace: Trace, publish: (committed: readonly Committed[]) => void) {
    this.#port = { store, trace, publish }
  }

  /**
   * Joins a batch and gives its own share of the outcome. Null: there was nothing to append any more, or it was late.
   * Never rejects.
   */
  append<A extends PendingAppend>(appendable: Appendable<A>): Promise<Appended<A> | null> {
    return new Promise(resolve => {
      // It comes back as `takeAppend` gave it.
      this.#waiting.push({ appendable, resolve: resolve as WaitingAppend['resolve'] })
      this.#schedule()
    })
  }

  /** Ends the appends that have waited too long. */
  endLate(now: number): void {
    const late = this.#waiting.filter(({ appendable }) => appendable.isLate?.(now))
    if (!late.length) return
    this.#waiting = this.#waiting.filter(({ appendable }) => !appendable.isLate?.(now))
    for (const { resolve } of late) resolve(null)
  }

  /** Resolves when nothing waits and nothing is under way. */
  async waitUntilDrained(): Promise<void> {
    while (this.#isAppending || this.#waiting.length) await new Promise<void>(resolve => this.#onDrained.push(resolve))
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isAppending) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      void this.#appendNext()
    })
  }

  async #appendNext(): Promise<void> {
    const batch = this.#takeBatch()
    if (batch.length) {
      this.#isAppending = true
      await appendBatch(this.#port, batch)
      this.#isAppending = false
    }
    if (this.#waiting.length) this.#schedule()
    else for (const resolve of this.#onDrained.splice(0)) resolve()
  }

  #takeBatch(): readonly SentAppend[] {
    this.endLate(performance.now())
    const batch: SentAppend[] = []
    const left: WaitingAppend[] = []
    const blocked = new Set<string>()
    const checked = new Set<string>()
    const waiting = this.#waiting
    const turn = new Turn()
    let size = 0
    let index = 0
    for (; index < waiting.length && batch.length < BATCH_UNITS_MAX && size < BATCH_SIZE_MAX; index++) {
      if (index > 0 && turn.isOver) break
      const { appendable, resolve } = waiting[index]!
      const { streams, reads = NONE, isExclusive } = appendable
      const isBlocked = streams.some(one => blocked.has(one) || checked.has(one)) || reads.some(one => blocked.has(one))
      if (isBlocked || (isExclusive && batch.length > 0)) {
        for (const stream of streams) blocked.add(stream)
        left.push(waiting[index]!)
        continue
      }
      const append = appendable.takeAppend(turn)
      if (!append) {
        resolve(null)
        continue
      }
      for (const stream of streams) blocked.add(stream)
      for (const stream of reads) checked.add(stream)
      batch.push({ append, settle: result => resolve({ append, result }) })
      size += append.size
      if (isExclusive) {
        index++
        break
      }
    }
    this.#waiting = left.concat(waiting.slice(index))
    return batch
  }
}
