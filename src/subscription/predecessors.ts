// Gives events the type of the event before them in their stream. It is a fact of the log, however the log is read.
import type { ProjectionSpec } from '../definitions/projection/projection.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { STREAM_BEGIN } from '../definitions/detector/hour-row.ts'
import { type Log, type StreamPlace, TYPES_AT_MAX } from '../ports/store/log.ts'

/** An event with the stored type of the event before it in its stream. Null: the log does not have that event. */
export type FollowingEvent = StoredEvent & { readonly follows: string | null }

/** Gives the events of a page as a projection reads them. Rejects with the store's error. */
export type ReadFollows = (events: readonly StoredEvent[]) => Promise<readonly StoredEvent[]>

/** Adds what each event follows, if the projection reads it. */
export function followsReader(log: Pick<Log, 'typesAt'>, { readsFollows }: ProjectionSpec): ReadFollows {
  if (!readsFollows) return events => Promise.resolve(events)
  const predecessors = new Predecessors(log)
  return events => predecessors.addTo(events)
}

type SeenEvent = Pick<StoredEvent, 'version' | 'type'>
/** The streams of which the last event is known are twice as many at most. */
const STREAMS_MAX = 10_000

/** Takes pages of the log in their order. The store is asked for what was not on a page lately. */
export class Predecessors {
  readonly #log: Pick<Log, 'typesAt'>
  #seen = new Map<string, SeenEvent>()
  #seenBefore: ReadonlyMap<string, SeenEvent> = new Map()

  constructor(log: Pick<Log, 'typesAt'>) {
    this.#log = log
  }

  /** Rejects with the store's error. */
  async addTo(events: readonly StoredEvent[]): Promise<readonly FollowingEvent[]> {
    const following = events.map(event => ({ ...event, follows: this.#findSeen(event) }))
    const unseen = following.filter(({ version, follows }) => follows === null && version > 1)
    for (let i = 0; i < unseen.length; i += TYPES_AT_MAX) await this.#ask(unseen.slice(i, i + TYPES_AT_MAX))
    return following
  }

  async #ask(events: readonly { readonly stream: string; readonly version: number; follows: string | null }[]): Promise<void> {
    const places = events.map(({ stream, version }): StreamPlace => ({ stream, version: version - 1 }))
    const types = await this.#log.typesAt(places)
    for (const [i, event] of events.entries()) event.follows = types[i]!
  }

  #findSeen({ stream, version, type }: StoredEvent): string | null {
    const last = this.#seen.get(stream) ?? this.#seenBefore.get(stream)
    this.#seen.set(stream, { version, type })
    if (this.#seen.size > STREAMS_MAX) {
      this.#seenBefore = this.#seen
      this.#seen = new Map()
    }
    if (version === 1) return STREAM_BEGIN
    return last?.version === version - 1 ? last.type : null
  }
}
