// Reads the log for one caller, without a checkpoint: from a start on, to an end or as it grows.
import { checkOptions, type OptionKinds } from '../definitions/options.ts'
import { backOff } from '../lib/back-off.ts'
import { sleep } from '../lib/sleep.ts'
import type { AnyEvents, Recorded } from '../definitions/event/events.ts'
import { familiesOf, type In, type One, readInFamilies } from '../definitions/event/families.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import { canHandle, filterOf } from '../definitions/processor.ts'
import { compileStart, type Start } from '../definitions/start.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { filterTest } from '../ports/store/event-filter.ts'
import type { Store } from '../ports/store/store.ts'
import { type LogPage, Reader } from './reader.ts'
import { positionOf } from './starts.ts'
import type { Tail } from './tail.ts'

/** What to follow, from where, and to which end. */
export type FollowOptions<F extends AnyEvents, T extends In<F>['type']> = {
  /** The family or the families whose facts come. */
  readonly from: One<F>
  /** Some of their types. Default: all. */
  readonly types?: readonly T[]
  /** Some of their streams, such as `order-o1`. Default: all. */
  readonly streams?: readonly string[]
  /** Facts of some correlations alone: all that a request led to. No index has them. Default: all. */
  readonly correlations?: readonly string[]
  /** Where it begins, each time: `beginning`, `now`, after a position, or `{ at: time }`. Default: `now`. */
  readonly start?: Start
  /** Where it ends: after a position, or at the `head` that the log has as it begins. Default: it goes on. */
  readonly until?: number | 'head'
  /** Ends it as it aborts. */
  readonly signal?: AbortSignal
}

const OPTIONS: OptionKinds<keyof FollowOptions<AnyEvents, string>> = {
  from: 'families',
  types: 'texts?',
  streams: 'texts?',
  correlations: 'texts?',
  start: 'any?',
  until: 'any?',
  signal: 'any?',
}

/** The parts of a runtime that follow the log. */
export type FollowParts = {
  readonly store: Store
  readonly tail: Tail
  readonly report: Report
  /** Aborts when the runtime closes. */
  readonly closing: AbortSignal
}

const RETRY = { firstMs: 20, maxMs: 5_000 }

/** The events in the order of the log. Ends without an error when a signal aborts. */
export async function* follow<F extends AnyEvents, T extends In<F>['type']>(
  { store, tail, report, closing }: FollowParts,
  options: FollowOptions<F, T>,
): AsyncGenerator<Recorded<Extract<In<F>, { readonly type: T }>>> {
  checkOptions('follow', options, OPTIONS)
  const { from, types, streams = [], correlations = [], start = 'now', until = Number.POSITIVE_INFINITY, signal } = options
  const families = familiesOf('follow', from)
  const filter = filterOf('follow', families, types)
  const isWanted = filterTest({ categories: [], types: [], streams, correlations })
  const begin = compileStart('follow', start)!
  const ending = AbortSignal.any(signal ? [closing, signal] : [closing])
  const next = pageReader(new Reader(store, tail, filter), report, ending)
  await tail.start()
  const head = await store.head()
  const end = until === 'head' ? head : until
  let after = await positionOf(store, begin, head)
  while (after < end && !ending.aborted) {
    const page = await next(after)
    for (const stored of page?.events ?? []) {
      if (stored.position > end || ending.aborted) return
      if (!isWanted({ ...stored, category: categoryOf(stored.stream) })) continue
      // The filter lets the facts through that the caller names.
      for (const event of readInFamilies(families, stored))
        if (canHandle({ filter }, event)) yield event as Recorded<Extract<In<F>, { readonly type: T }>>
    }
    if (page) after = page.to
    else await tail.wait(after, ending)
  }
}

/** Reads pages, and each again until it can be read. Null: the log ends there, or a signal aborted. */
function pageReader(reader: Reader, report: Report, ending: AbortSignal): (after: number) => Promise<LogPage | null> {
  const failing = new Episode({ report, what: 'The log could not be followed', mend: 'The events come later.' })
  return async after => {
    while (!ending.aborted) {
      try {
        const page = await reader.next(after)
        failing.succeed()
        return page
      } catch (error) {
        if (!ending.aborted) await sleep(backOff(failing.fail(error), RETRY), ending)
      }
    }
    return null
  }
}
