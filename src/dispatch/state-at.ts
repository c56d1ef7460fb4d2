// A past state: at a version, or at a time.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { fold, type Folded } from '../definitions/decider/fold.ts'
import { streamPages } from '../ports/store/pages.ts'
import type { Log } from '../ports/store/log.ts'

/** A state with its version, and the position of its last event. */
export type StateAt = { readonly state: unknown; readonly version: number; readonly position: number }

/** Chooses a state by version, by time, or by both. Default: the present one. */
export type StateMoment = { readonly version?: number; readonly at?: Date }

/** Folds a stream up to a version or a time. Throws DamagedStream if events are missing. */
export async function loadStateAt(
  store: Log,
  decider: DeciderSpec,
  stream: string,
  { version, at }: StateMoment,
): Promise<StateAt> {
  let folded: Folded & { position: number } = { state: decider.initial, version: 0, position: 0 }
  for await (const page of streamPages(store, stream, version === undefined ? {} : { until: version })) {
    const events = at ? page.filter(event => Date.parse(event.at) <= at.getTime()) : page
    const facts = events.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown }))
    folded = { ...fold(decider, stream, folded, facts), position: events.at(-1)?.position ?? folded.position }
    if (events.length < page.length) break
  }
  return folded
}
