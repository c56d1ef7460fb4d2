import type { Page } from '../ports/bus/bus.ts'
import type { NewEvent, StoredEvent } from '../ports/store/event.ts'
import type { SliceResult } from '../ports/store/unit.ts'
import type { TraceContext } from '../ports/trace/trace.ts'

/** The events that one append committed to one stream, their place in the log, and the traces of their callers. */
export type Committed = {
  readonly stream: string
  readonly events: readonly NewEvent[]
  readonly slice: SliceResult
  readonly at: string
  readonly parents: readonly (TraceContext | null)[]
}

/**
 * Gives committed events as pages in log order. No other event lies within a page, but some may lie between two pages.
 * A batch that was sent again after an unknown outcome may be committed in two places, and not in the order of its
 * units.
 */
export function pagesOf(
  committed: readonly Committed[],
): readonly { readonly page: Page; readonly parents: Committed['parents'] }[] {
  const pages: { page: StoredEvent[]; parents: (TraceContext | null)[] }[] = []
  for (const one of committed.filter(({ events }) => events.length).sort((a, b) => a.slice.position - b.slice.position)) {
    const before = pages.at(-1)
    const isNext = before?.page.at(-1)?.position === one.slice.position - one.events.length
    const into = before && isNext ? before : { page: [], parents: [] }
    if (into !== before) pages.push(into)
    into.page.push(...storedEvents(one))
    into.parents.push(...one.parents)
  }
  return pages
}

function storedEvents({ stream, events, slice, at }: Committed): readonly StoredEvent[] {
  return events.map((event, i) => {
    const behind = events.length - 1 - i
    return { ...event, stream, version: slice.version - behind, position: slice.position - behind, at }
  })
}
