// Reads page by page. A page is bounded in number and in size, and a missing event is noticed before the reader passes
// it.
import { categoryOf } from '../../definitions/event/stream-name.ts'
import { background, Turn } from '../../lib/turns.ts'
import { DamagedStream, inReverse, inSequence, Versions } from './sequence.ts'
import type { StoredEvent } from './event.ts'
import type { Filter, ReadOptions } from './log.ts'
import { isFull } from './page-size.ts'
import type { Store } from './store.ts'

/** The most events of a page, and the size of its payloads, in bytes, at which it ends. */
export const PAGE_EVENTS_MAX = 1_000
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

export type StreamPagesOptions = Bounds &
  Pick<ReadOptions, 'types' | 'backwards'> & {
    /** A version. Default: 0. */
    readonly after?: number
    /** The last version that is read. Default: the stream's last. */
    readonly until?: number
  }

/**
 * Gives the pages of a stream, oldest or newest first, none empty. Reads the next page when it is needed, and lets the
 * event loop turn in between. Throws DamagedStream, as `streamPage` does.
 */
export async function* streamPages(
  store: Pick<Store, 'read' | 'load'>,
  stream: string,
  { after = 0, until = Number.MAX_SAFE_INTEGER, limit = PAGE_EVENTS_MAX, sizeMax = PAGE_SIZE, ...rest }: StreamPagesOptions = {},
): AsyncGenerator<readonly StoredEvent[]> {
  const turn = new Turn()
  for (let [from, to] = [after, until]; from < to; ) {
    const asked = { after: from, until: to, limit, sizeMax, ...rest }
    const page = await streamPage(store, stream, asked)
    if (page.length) yield page
    if (!isFull(page, asked)) return
    const last = page.at(-1)!.version
    if (rest.backwards) to = last - 1
    else from = last
    if (turn.isOver) await turn.next()
  }
}

/**
 * Reads one page of a stream. Throws DamagedStream for a missing event. A page of some types does not show whether one
 * is missing.
 */
export async function streamPage(
  store: Pick<Store, 'read' | 'load'>,
  stream: string,
  options: ReadOptions,
): Promise<readonly StoredEvent[]> {
  const page = await store.read(stream, options)
  if (options.types) return page
  if (!options.backwards) return inSequence(page, options.after)
  await checkNewest(store, stream, page, options)
  return inReverse(page, isFull(page, options) ? null : options.after)
}

/** The newest event of a page is the last that was asked for, or the last of the stream. */
async function checkNewest(
  store: Pick<Store, 'load'>,
  stream: string,
  page: readonly StoredEvent[],
  { after, until = Number.MAX_SAFE_INTEGER }: ReadOptions,
): Promise<void> {
  if (until <= after || until === Number.MAX_SAFE_INTEGER || page[0]?.version === until) return
  const { streams } = await store.load([{ stream, after: Number.MAX_SAFE_INTEGER }], [])
  const { version, position } = streams[0]!
  if (version >= until) throw new DamagedStream(page[0] ?? { stream, version, position }, until)
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
