// Keeps a log in a file small, and prepares it for use after a restore to an earlier time.
import type { Database } from 'bun:sqlite'
import type { NewSnapshot } from '../../ports/store/load.ts'
import type { LogIdentity, RestoreResult, Upkeep } from '../../ports/store/upkeep.ts'
import type { KeptKey } from '../../ports/store/unit.ts'
import type { PreparedLog } from './prepared.ts'
import { endSentKeys } from './sent-keys.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncUpkeep = Pick<Sync<Upkeep>, 'saveSnapshots' | 'keys' | 'forgetKeys' | 'beginEpoch'> & {
  /** Gives an end to keys of processors whose events cannot come again. Gives their number. */
  readonly endSentKeys: () => number
}

export function syncUpkeep(db: Database, prepared: PreparedLog, texts: Statements, now: () => number): SyncUpkeep {
  return {
    saveSnapshots: db.transaction((snapshots: readonly NewSnapshot[]) => {
      for (const { stream, fold, version, state } of snapshots) {
        prepared.deleteSnapshots.run(stream, fold, version)
        prepared.saveSnapshot.run(stream, fold, version, state)
      }
    }).immediate,
    keys: ({ after, limit }) =>
      texts
        .get<KeptKey>(
          `select key, fingerprint, stream, version, count, rejection, until from keys
          where key > ? and (until is null or until > ?) order by key limit ?`,
        )
        .all(after, now(), limit),
    forgetKeys: () => prepared.deleteKeys.run(now()).changes,
    endSentKeys: db.transaction(() => endSentKeys(texts, now())).immediate,
    beginEpoch: db.transaction(() => beginEpoch(texts)).immediate,
  }
}

/** Raises the epoch, and deletes data of lost events. */
function beginEpoch(texts: Statements): RestoreResult {
  const change = (sql: string) => texts.get(sql).run().changes
  const behind = '> (select coalesce(max(position), 0) from events)'
  return {
    keys: change(`delete from keys where position ${behind}`),
    snapshots: change(
      'delete from snapshots where version > (select coalesce(max(e.version), 0) from events e where e.stream = snapshots.stream)',
    ),
    entries: change(`delete from agenda where ended_at is null and at_position ${behind}`),
    epoch: texts.get<LogIdentity>('update log set epoch = epoch + 1 returning id, epoch').get()!.epoch,
  }
}
