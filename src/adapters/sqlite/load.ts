// The state of several streams, and keys, in one snapshot.
import type { Database } from 'bun:sqlite'
import { LOAD_FACTS_MAX, type LoadedStream, type LoadRequest } from '../../ports/store/load.ts'
import type { Log } from '../../ports/store/log.ts'
import type { PreparedLog } from './prepared.ts'
import type { Sync } from './sync.ts'

export function syncLoad(db: Database, prepared: PreparedLog, now: () => number): Sync<Log>['load'] {
  return db.transaction((requests: readonly LoadRequest[], keys: readonly string[]) => ({
    streams: requests.map(request => loadStream(prepared, request)),
    keys: keys.flatMap(key => prepared.key.get(key, now()) ?? []),
  }))
}

function loadStream(prepared: PreparedLog, { stream, after, snapshot }: LoadRequest): LoadedStream {
  const saved = snapshot === undefined ? null : prepared.snapshot.get(stream, snapshot, after)
  const from = saved?.version ?? after
  const page = prepared.facts.all(stream, from, LOAD_FACTS_MAX)
  const last = prepared.last.get(stream) ?? { version: 0, position: 0 }
  return {
    snapshot: saved && { version: saved.version, state: JSON.parse(saved.state) as unknown },
    facts: page.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown })),
    ...last,
    more: from + page.length < last.version,
    size: page.reduce((sum, { data }) => sum + data.length, 0),
  }
}
