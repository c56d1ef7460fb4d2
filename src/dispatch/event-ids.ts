// Events whose ids their appender gave are known again by keys, one for each id, which are kept as long as the log.
import type { Event } from '../definitions/event/events.ts'
import type { NewKey, StoredKey } from '../ports/store/unit.ts'
import type { Rejected } from './outcome.ts'

/** The code of a rejection when an id is that of another event, or of one that was appended with others. */
export const EVENT_ID_REUSED = 'event-id-reused'

/** Events for a stream. `version`: that of the stream with them, if it is known before they are appended. */
type EventsOfStream = { readonly stream: string; readonly events: readonly Event[]; readonly version: number | null }

/**
 * The keys of all ids that an append gives to its events. Their fingerprint is that of the append: its streams, and the
 * types and ids of its events. Throws a TypeError if two events have one id.
 */
export function keysOfIds(slices: readonly EventsOfStream[]): readonly NewKey[] {
  const given = slices.flatMap(({ stream, events, version }) =>
    events.flatMap(({ id }) =>
      id === undefined ? [] : [{ id, stream, version: version ?? 0, count: version ? events.length : 0 }],
    ),
  )
  if (given.length === 0) return []
  const ids = new Set(given.map(({ id }) => id))
  if (ids.size < given.length) throw new TypeError('two events of one append have one id')
  const said = slices.map(({ stream, events }) => [stream, events.map(({ type, id = null }) => [type, id])])
  const fingerprint = new Bun.CryptoHasher('sha256').update(JSON.stringify(said)).digest('base64url')
  return given.map(({ id, ...last }) => ({ key: `event:${id}`, fingerprint, ...last, rejection: null, keepMs: null }))
}

/** Refuses an id that the log knows of another append. */
export function rejectId({ key }: StoredKey): Rejected {
  return { outcome: 'rejected', code: EVENT_ID_REUSED, data: { id: key.slice('event:'.length) } }
}
