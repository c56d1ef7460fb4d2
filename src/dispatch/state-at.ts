// A past state: at a version, or at a time.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import type { Meta } from '../definitions/event/events.ts'
import { streamPages } from '../ports/store/pages.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Log } from '../ports/store/log.ts'

/** A state with its version, and the position of its last event. */
export type StateAt = { readonly state: unknown; readonly version: number; readonly position: number }

/** Chooses a state by version, by time, or by both. Default: the present one. */
export type StateMoment = { readonly version?: number; readonly at?: Date }

/**
 * Folds a stream up to a version, or up to the first event that happened after a time. An imported event happened at
 * its `occurredAt`. Throws DamagedStream if events are missing.
 */
export async function loadStateAt(
  store: Log,
  decider: DeciderSpec,
  stream: string,
  { version, at }: StateMoment,
): Promise<StateAt> {
  let folded: Folded & { position: number } = { state: decider.initial, version: 0, position: 0 }
  for await (const page of streamPages(store, stream, version === undefined ? {} : { until: version })) {
    const end = at ? page.findIndex(event => happenedAt(event) > at.getTime()) : -1
    const events = end < 0 ? page : page.slice(0, end)
    const facts = events.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown }))
    folded = { ...fold(decider, stream, folded, facts), position: events.at(-1)?.position ?? folded.position }
    if (events.length < page.length) break
  }
  return folded
}

/** When an event happened, in ms since 1970. */
function happenedAt({ at, meta }: StoredEvent): number {
  const { occurredAt = at } = JSON.parse(meta) as Partial<Meta>
  return Date.parse(occurredAt)
}
