// Reads page by page. A page is bounded in number and in size, and a missing event is noticed before the reader passes
// it.
import { categoryOf } from '../../definitions/event/stream-name.ts'
import { background, Turn } from '../../lib/turns.ts'
import { inSequence, Versions } from './sequence.ts'
import type { StoredEvent } from './event.ts'
import type { Filter } from './log.ts'
import { isFull } from './page-size.ts'
import type { Store } from './store.ts'

/** The most events of a page, and the size of its payloads, in bytes, at which it ends. */
const PAGE_EVENTS_MAX = 1_000
const PAGE_SIZE = 2_097_152
/** The work to read a page, in characters. */
const READ_SIZE = 65_536

type Bounds = { readonly limit?: number; readonly sizeMax?: number }

export type LogPagesOptions = Bounds & {
  /** Default: 0. */
  readonly after?: number
  /** The last position that is read. */
  readonly until: number
  readonly filter?: Filter
  /**
   * Whether a missing event throws. Default: true, unless the filter names types. With true, such a filter is read with
   * all types of its categories, because a hole shows only then. The result is the same.
   */
  readonly seesHoles?: boolean
}

/**
 * Gives the pages of the log, oldest first, none empty. Reads the next page when it is needed, in a turn of the
 * background. Throws DamagedStream.
 */
export async function* logPages(
  store: Pick<Store, 'readAll'>,
  { after = 0, until, filter, seesHoles = !namesTypes(filter), limit = PAGE_EVENTS_MAX, sizeMax = PAGE_SIZE }: LogPagesOptions,
): AsyncGenerator<readonly StoredEvent[]> {
  const isNarrowed = seesHoles && namesTypes(filter)
  const isWanted = isNarrowed ? filterPredicate(filter!) : null
  const asked = { until, limit, sizeMax, ...(filter && { filter: isNarrowed ? allTypes(filter) : filter }) }
  const versions = new Versions(after)
  for (let from = after; from < until; ) {
    const page = await store.readAll({ ...asked, after: from })
    if (seesHoles) versions.check(page)
    const wanted = isWanted ? page.filter(isWanted) : page
    if (wanted.length) yield wanted
    const last = page.at(-1)?.position ?? until
    // A position that does not rise must not be read for ever.
    if (!isFull(page, asked) || last <= from) return
    from = last
    if (background.isOver(READ_SIZE)) await background.next()
  }
}

export type StreamPagesOptions = Bounds & {
  /** A version. Default: 0. */
  readonly after?: number
  /** The last version that is read. Default: the stream's last. */
  readonly until?: number
}

/**
 * Gives the pages of a stream, oldest first, none empty. Reads the next page when it is needed, and lets the event loop
 * turn in between. Throws DamagedStream.
 */
export async function* streamPages(
  store: Pick<Store, 'read'>,
  stream: string,
  { after = 0, until = Number.MAX_SAFE_INTEGER, limit = PAGE_EVENTS_MAX, sizeMax = PAGE_SIZE }: StreamPagesOptions = {},
): AsyncGenerator<readonly StoredEvent[]> {
  const turn = new Turn()
  for (let from = after; from < until; ) {
    const asked = { after: from, limit: Math.min(limit, until - from), sizeMax }
    const page = inSequence(await store.read(stream, asked), from)
    if (page.length) yield page
    if (!isFull(page, asked)) return
    from += page.length
    if (turn.isOver) await turn.next()
  }
}

/** Makes the test for a filter. Without a filter every event passes. */
export function filterPredicate(filter: Filter | null): (event: StoredEvent) => boolean {
  if (!filter) return () => true
  const types = new Map([...filter].map(([category, types]) => [category, types && new Set(types)]))
  return ({ stream, type }) => {
    const of = types.get(categoryOf(stream))
    return of === null || (of?.has(type) ?? false)
  }
}

function namesTypes(filter: Filter | undefined): boolean {
  return filter !== undefined && [...filter.values()].some(types => types !== null)
}

function allTypes(filter: Filter): Filter {
  return new Map([...filter.keys()].map(category => [category, null]))
}
