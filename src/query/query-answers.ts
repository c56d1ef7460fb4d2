// Answers queries: from the cache if their policy allows it, else by a run. Waits until rows are as new as asked for.
import type { FilledAnswer, Filling, FreshEntry } from './fill.ts'
import { canonicalText, isTold } from '../definitions/event/payload.ts'
import type { QuerySpec } from '../definitions/query.ts'
import { keep } from '../ports/metrics/keep.ts'
import type { Histogram, Meter } from '../ports/metrics/meter.ts'
import type { Store } from '../ports/store/store.ts'
import type { Subscriptions } from '../subscription/subscriptions.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { runQuery } from './query-run.ts'
import type { FreshnessWaits } from './freshness-waits.ts'
import type { RowReader } from './row-reader.ts'
import type { MinPosition } from '../definitions/reads.ts'
import { StaleRead } from './stale-read.ts'

/** An answer to a query. `cache` says where it comes from. Null: the query has no policy. */
export type QueryAnswer = Omit<FilledAnswer, 'cache'> & { readonly cache: FilledAnswer['cache'] | null }

export type QueryAnswersOptions = {
  readonly store: Store
  readonly subscriptions: Subscriptions
  readonly waits: FreshnessWaits
  readonly reader: RowReader
  readonly filling: Filling
  /** The position up to which this process knows the log. */
  readonly head: () => number
  readonly trace: Trace
  readonly metrics: Meter
}

/** How often a caller shares a build with others before it gets one of its own. */
const SHARED_ROUNDS_MAX = 2

export class QueryAnswers {
  readonly #options: QueryAnswersOptions
  readonly #durations: (query: string) => (result: string) => Histogram

  constructor(options: QueryAnswersOptions) {
    this.#options = options
    this.#durations = keep(query => keep(result => options.metrics.histogram('emaki.query.duration', query, result)))
  }

  /**
   * Answers a query. `params` are the output of its schema. Rejects with StaleRead.
   *
   * A build serves all callers that ask at once, and does not wait for rows. Each caller waits by itself, for its own
   * position.
   */
  async answer(query: QuerySpec, params: unknown, min: MinPosition): Promise<QueryAnswer> {
    const began = performance.now()
    let result: string = 'failed'
    try {
      const answer = await this.#answerInTime(query, params, min)
      result = answer.cache ?? 'none'
      return answer
    } finally {
      const seconds = (performance.now() - began) / 1_000
      this.#durations(query.name)(result).record(seconds, this.#options.trace.current()?.traceparent)
    }
  }

  async #answerInTime(query: QuerySpec, params: unknown, min: MinPosition): Promise<QueryAnswer> {
    let signal: AbortSignal | null = null
    for (let round = 1; ; round++) {
      const isShared = round <= SHARED_ROUNDS_MAX
      try {
        const answer = await this.#answerAtOnce(query, params, min, isShared)
        // A run for this caller alone refuses, and says which rows are parked.
        return min.complete && isParked(answer) ? await this.#answerAtOnce(query, params, min, false) : answer
      } catch (error) {
        if (!(error instanceof StaleRead) || round > SHARED_ROUNDS_MAX + 1) throw error
        // The build was for another caller, which asked for a later position than this one.
        if (error.atLeast > min.atLeast) continue
        if (error.reason !== 'behind') throw error
        signal ??= AbortSignal.timeout(min.waitMs)
        if (!(await this.#waitForRows(error.projection, min.atLeast, signal))) throw error
      }
    }
  }

  /**
   * An answer that the cache of this process can give at once, to a caller that accepts any position. Null: there is
   * none.
   */
  getCached(query: string, key: string): FreshEntry | null {
    const began = performance.now()
    const fresh = this.#options.filling.getFresh(key)
    if (fresh) this.#durations(query)('hit').record((performance.now() - began) / 1_000)
    return fresh
  }

  /** The key of an answer: the log, the serving tables, the source code of the query, and its parameters. */
  keyOf(query: QuerySpec, params: unknown): string {
    const { id, epoch } = this.#options.store.identity
    return `${id}.${epoch}/${this.#options.subscriptions.tables}/${query.name}.${codeOf(query)}?${canonicalText(params)}`
  }

  #answerAtOnce(query: QuerySpec, params: unknown, min: MinPosition, isShared: boolean): Promise<QueryAnswer> {
    const build = async (asked: MinPosition) => {
      const { reader, head, trace } = this.#options
      const { text, ...rest } = await runQuery({ query, params, min: { ...asked, waitMs: 0 }, reader, head: head(), trace })
      return { body: text, etag: etagOf(text, rest), ...rest }
    }
    // Without a key of its own, an answer would be given to those who ask for another one.
    if (query.cache && isShared && isTold(params))
      return this.#options.filling.answer(this.keyOf(query, params), query.cache, min.atLeast, {
        build: atLeast => build({ atLeast, waitMs: 0 }),
        currentPosition: () => this.#currentPosition(),
      })
    return build(min).then(built => ({ ...built, cache: query.cache ? 'miss' : null, ageMs: 0, freshUntil: 0 }))
  }

  /** Whether the rows of a projection reach a position in time. Frozen rows never do. */
  async #waitForRows(projection: string, atLeast: number, signal: AbortSignal): Promise<boolean> {
    const { subscriptions, waits } = this.#options
    const { serving } = subscriptions.versionsOf(projection)
    return serving !== null && !serving.isFrozen && (await waits.waitFor(serving.subscription, atLeast, signal))
  }

  /** A position at or above every commit of a read model so far. */
  async #currentPosition(): Promise<number> {
    const progress = await this.#options.store.readModel.progress()
    return Math.max(0, ...progress.map(({ position }) => position))
  }
}

function isParked({ incomplete }: Pick<QueryAnswer, 'incomplete'>): boolean {
  return (incomplete?.parked ?? null) !== null
}

/** A client that has an answer without its parked rows does not take it for the whole one, even if both are the same text. */
function etagOf(text: string, built: Pick<QueryAnswer, 'incomplete'>): string {
  return `"${Bun.hash.xxHash64(text).toString(36)}${isParked(built) ? '-parked' : ''}"`
}

/** A short hash of a query's source code. Every answer needs it, so it is made once. */
function codeOf(query: QuerySpec): string {
  const known = codes.get(query)
  if (known !== undefined) return known
  const code = Bun.hash.xxHash64(`${query.run}`).toString(36)
  codes.set(query, code)
  return code
}
const codes = new WeakMap<QuerySpec, string>()
