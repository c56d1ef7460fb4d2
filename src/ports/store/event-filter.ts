// The filter of a follower. An event has to pass every kind; it passes a kind if one of its values matches.
import { categoryOf } from '../../definitions/event/stream-name.ts'
import type { Meta } from '../../definitions/event/events.ts'
import type { StoredEvent } from './event.ts'
import type { Filter } from './log.ts'

export type EventFilter = {
  readonly categories: readonly string[]
  /** Without a category (`Placed`), or with one (`order.Placed`). */
  readonly types: readonly string[]
  readonly streams: readonly string[]
  /** No store has an index for these: all events that pass the rest are looked at. */
  readonly correlations: readonly string[]
}
type FilteredEvent = Pick<StoredEvent, 'type' | 'stream' | 'meta'> & { readonly category: string }

/** The most values of one kind. */
export const FILTER_VALUES_MAX = 100

/** Makes the test for a filter. A kind without values lets every event pass. */
export function filterTest({ categories, types, streams, correlations }: EventFilter): (event: FilteredEvent) => boolean {
  const [inCategory, ofType, ofStream] = [new Set(categories), new Set(types), new Set(streams)]
  const isCorrelated = correlationTest(correlations)
  return ({ category, type, stream, meta }) =>
    (inCategory.size === 0 || inCategory.has(category)) &&
    (ofType.size === 0 || ofType.has(type) || ofType.has(`${category}.${type}`)) &&
    (ofStream.size === 0 || ofStream.has(stream)) &&
    isCorrelated(meta)
}

/** An imported meta is as its file had it, so a correlation may be written there with escapes. */
function correlationTest(correlations: readonly string[]): (meta: string) => boolean {
  if (!correlations.length) return () => true
  const wanted = new Set<unknown>(correlations)
  // To parse each meta would take ten times as long.
  const mayHold = (meta: string) => meta.includes('\\') || correlations.some(one => meta.includes(one))
  return meta => mayHold(meta) && wanted.has((JSON.parse(meta) as Partial<Meta>).correlation)
}

/** Gives the same text for filters that pass the same events, in whatever order their values are. */
export function filterKey({ categories, types, streams, correlations }: EventFilter): string {
  return JSON.stringify([categories, types, streams, correlations].map(values => [...new Set(values)].sort()))
}

/** The categories of all events that may pass; null: events of any category may. */
export function categoriesOf({ categories, types, streams }: EventFilter): readonly string[] | null {
  const named = [
    categories,
    types.map(type => (type.includes('.') ? type.slice(0, type.indexOf('.')) : null)),
    streams.map(categoryOf),
  ].filter((kind): kind is string[] => kind.length > 0 && kind.every(category => category !== null))
  const [first, ...others] = named
  return first ? [...new Set(first)].filter(one => others.every(other => other.includes(one))) : null
}

/**
 * The filter for the log. It may pass more events than the follower's filter, and never fewer. Undefined: no filter.
 */
export function storeFilter(filter: EventFilter): Filter | undefined {
  const categories = categoriesOf(filter)
  if (!categories) return undefined
  return new Map(categories.map(category => [category, filter.types.length ? bareTypes(filter.types, category) : null]))
}

/** The types that a category may have, without its name. */
export function bareTypes(types: readonly string[], category: string): readonly string[] {
  const bare = types.flatMap(type => {
    if (!type.includes('.')) return [type]
    return type.startsWith(`${category}.`) ? [type.slice(category.length + 1)] : []
  })
  return [...new Set(bare)]
}
