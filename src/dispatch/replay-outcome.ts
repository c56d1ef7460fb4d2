import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Event } from '../definitions/event/events.ts'
import { read } from '../definitions/event/read.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Log } from '../ports/store/log.ts'
import type { StoredKey } from '../ports/store/unit.ts'
import type { Outcome } from './outcome.ts'

/** The outcome that belongs to a key. If it has no events, its position is that of the event before it, as at first. */
export async function replayOutcome(store: Log, decider: DeciderSpec, key: StoredKey): Promise<Outcome> {
  if (key.rejection !== null) return { outcome: 'rejected', ...(JSON.parse(key.rejection) as { code: string }), replayed: true }
  const { stream, version, count } = key
  const limit = Math.max(count, 1)
  const stored = version === 0 ? [] : await store.read(stream, { after: version - limit, limit })
  const { position } = stored.at(-1) ?? key
  const events = count ? stored.flatMap(event => readStored(decider, event)) : []
  return { outcome: 'accepted', stream, version, position, events, replayed: true }
}

function readStored({ events }: DeciderSpec, { stream, version, type, schema, data }: StoredEvent): readonly Event[] {
  return read(events, stream, version, { type, schema, data: JSON.parse(data) as unknown })
}
