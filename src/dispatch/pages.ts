import type { Page } from '../bus/bus.ts'
import type { Landed, NewEvent, StoredEvent } from '../store/store.ts'
import type { TraceContext } from '../trace/trace.ts'

/** What one stream got by one append, where it landed, and for whom. */
export type Written = {
  readonly stream: string
  readonly events: readonly NewEvent[]
  readonly landed: Landed
  readonly at: string
  readonly parents: readonly (TraceContext | null)[]
}

/**
 * What was written as pages in log order. Nobody else's event lies within a page; between two of them some may.
 * A flight that was said again after a doubt may have landed at two places, and not in the order of its units.
 */
export function pages(written: readonly Written[]): readonly { readonly page: Page; readonly parents: Written['parents'] }[] {
  const found: { page: StoredEvent[]; parents: (TraceContext | null)[] }[] = []
  for (const one of written.filter(({ events }) => events.length).sort((a, b) => a.landed.position - b.landed.position)) {
    const before = found.at(-1)
    const follows = before?.page.at(-1)?.position === one.landed.position - one.events.length
    const into = before && follows ? before : { page: [], parents: [] }
    if (into !== before) found.push(into)
    into.page.push(...stored(one))
    into.parents.push(...one.parents)
  }
  return found
}

function stored({ stream, events, landed, at }: Written): readonly StoredEvent[] {
  return events.map((event, i) => {
    const behind = events.length - 1 - i
    return { ...event, stream, version: landed.version - behind, position: landed.position - behind, at }
  })
}
