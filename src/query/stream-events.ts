// The events of one stream as typed values, for callers in this process. HTTP shows them as they were appended.
import { type AnyEvents, type Recorded, spec } from '../definitions/event/events.ts'
import { type In, readInFamilies } from '../definitions/event/families.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import { canHandle, filterOf } from '../definitions/processor.ts'
import type { EventList, Reads } from '../definitions/reads.ts'
import { PAGE_EVENTS_MAX, streamPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'

type StreamStore = Pick<Store, 'read' | 'load'>
type EventOf<F extends AnyEvents, T> = Recorded<Extract<In<F>, { readonly type: T }>>

/** Gives reads of a stream in code, from either end. */
export function streamReads(store: StreamStore): Pick<Reads, 'events' | 'lastEvent'> {
  return {
    events: (family, id, list = {}) => readEvents(store, family, id, list),
    lastEvent: async (family, id, types) => {
      const list = { backwards: true, limit: 1, ...(types && { types }) }
      for await (const event of readEvents(store, family, id, list)) return event
      return null
    },
  }
}

async function* readEvents<F extends AnyEvents, T extends In<F>['type']>(
  store: StreamStore,
  { [spec]: family }: F,
  id: string,
  { types, limit = Number.POSITIVE_INFINITY, ...range }: EventList<T>,
): AsyncGenerator<EventOf<F, T>> {
  const families = new Map([[family.name, family]])
  const filter = filterOf('events', families, types)
  const stored = filter.get(family.name)
  const pages = { ...range, limit: Math.min(limit, PAGE_EVENTS_MAX), ...(stored && { types: stored }) }
  let left = limit
  for await (const page of streamPages(store, streamName(family.name, id), pages))
    for (const one of page) {
      const read = readInFamilies(families, one).filter(event => canHandle({ filter }, event))
      for (const event of range.backwards ? read.toReversed() : read) {
        // The filter lets the facts through that the caller names.
        yield event as EventOf<F, T>
        left--
        if (left === 0) return
      }
    }
}
