// Appends in one transaction: nobody else writes between its checks and its inserts.
import type { Database } from 'bun:sqlite'
import { StoreError } from '../../ports/store/errors.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { instant } from '../../ports/store/instant.ts'
import type { Log } from '../../ports/store/log.ts'
import {
  type Conflict,
  type Expectation,
  isMet,
  isWrite,
  MISSED_BYTES_MAX,
  type NewKey,
  type SliceResult,
  type Unit,
  type UnitOutcome,
} from '../../ports/store/unit.ts'
import type { PreparedLog } from './prepared.ts'
import type { Sync } from './sync.ts'
import { writeUnitRows } from './row-writer.ts'
import type { Statements } from './statements.ts'

/** Locks and syncs only if something is written. Units that only check are a read. */
export function syncAppend(db: Database, prepared: PreparedLog, statements: Statements, now: () => number): Sync<Log>['append'] {
  const write = db.transaction((units: readonly Unit[]) => {
    const top = prepared.top.get()
    const clock = { at: Math.max(now(), top?.at ?? 0), position: top?.position ?? 0 }
    return units.map(unit => appendUnit(unit, clock))
  })
  const check = db.transaction((units: readonly Unit[]) => units.map(unit => appendUnit(unit, { at: now(), position: 0 })))

  function appendUnit(unit: Unit, clock: Clock): UnitOutcome {
    const duplicates = unit.keys.flatMap(({ key }) => prepared.key.get(key, now()) ?? [])
    if (duplicates.length) return { outcome: 'duplicate', keys: duplicates }
    const versions = unit.slices.map(({ stream }) => prepared.last.get(stream)?.version ?? 0)
    const conflicts = unit.slices.flatMap(({ stream, expect }, i) =>
      isMet(expect, versions[i]!) ? [] : [conflictOf(prepared, stream, expect, versions[i]!)],
    )
    if (conflicts.length) return { outcome: 'conflict', conflicts }
    const slices = unit.slices.map(({ stream, events }, i) => {
      let next = versions[i]!
      for (const { id, type, schema, data, meta } of events)
        prepared.insert.run(++clock.position, stream, ++next, id, type, schema, data, meta, clock.at)
      return { version: next, position: events.length ? clock.position : 0 }
    })
    for (const key of unit.keys) saveKey(key, slices[unit.slices.findIndex(({ stream }) => stream === key.stream)])
    if (unit.rows?.length) writeUnitRows(statements, unit, slices)
    return { outcome: 'appended', slices, at: instant(clock.at) }
  }

  function saveKey(
    { key, fingerprint, stream, version, count, rejection, keepMs }: NewKey,
    slice: SliceResult | undefined,
  ): void {
    const isHere = slice !== undefined && slice.position > 0
    const before = count && !isHere ? (prepared.readStream.get(stream, version - 1, 1)?.position ?? 0) : 0
    const position = count && isHere ? slice.position - (slice.version - version) : before
    const until = keepMs === null ? null : now() + keepMs
    prepared.saveKey.run(key, fingerprint, stream, version, count, position, rejection, until)
  }

  return units => {
    if (db.inTransaction) throw new StoreError('refused', 'append inside a transaction of the caller')
    return units.some(isWrite) ? write.immediate(units) : check.deferred(units)
  }
}

/** The time of an append, and the position of its last event so far. */
type Clock = { readonly at: number; position: number }

function conflictOf(prepared: PreparedLog, stream: string, expected: Expectation, actual: number): Conflict {
  if (typeof expected !== 'number' || expected > actual) return { stream, expected, actual, missed: null }
  const missed: StoredEvent[] = []
  let bytes = 0
  for (const row of prepared.readStream.iterate(stream, expected, -1)) {
    bytes += row.data.length + row.meta.length
    if (bytes > MISSED_BYTES_MAX) return { stream, expected, actual, missed: null }
    missed.push({ ...row, at: instant(row.at) })
  }
  return { stream, expected, actual, missed }
}
