// The state of several streams, and keys, in one snapshot.
import type { Database } from 'bun:sqlite'
import { factOf } from '../../definitions/event/read.ts'
import { factsMaxOf, type LoadedStream, type LoadRequest } from '../../ports/store/load.ts'
import type { Log } from '../../ports/store/log.ts'
import type { PreparedLog } from './prepared.ts'
import type { Sync } from './sync.ts'

export function syncLoad(db: Database, prepared: PreparedLog, now: () => number): Sync<Log>['load'] {
  return db.transaction((requests: readonly LoadRequest[], keys: readonly string[]) => ({
    streams: requests.map(request => loadStream(prepared, request, factsMaxOf(requests.length))),
    keys: keys.flatMap(key => prepared.key.get(key, now()) ?? []),
  }))
}

function loadStream(prepared: PreparedLog, { stream, after, snapshot, meta = false }: LoadRequest, limit: number): LoadedStream {
  const saved = snapshot === undefined ? null : prepared.snapshot.get(stream, snapshot, after)
  const from = saved?.version ?? after
  const page = (meta ? prepared.factsWithMeta : prepared.facts).all(stream, from, limit)
  const last = prepared.last.get(stream) ?? { version: 0, position: 0 }
  return {
    snapshot: saved && { version: saved.version, state: JSON.parse(saved.state) as unknown },
    facts: page.map(event => factOf(event, meta)),
    ...last,
    more: page.length === limit && from + page.length < last.version,
    size: page.reduce((sum, { data }) => sum + data.length, 0),
  }
}
