// The values of an append, and the meaning of the server's answer. append_v4 keeps the order of the log.
import type { StoredEvent } from '../../ports/store/event.ts'
import type { Conflict, Expectation, NewKey, Slice, StoredKey, Unit, UnitOutcome } from '../../ports/store/unit.ts'
import type { QueryValue } from './query.ts'
import { list, texts } from './text.ts'

/** A slice with the number of its unit. */
export type UnitSlice = Slice & { readonly unit: number }

export function unitSlices(units: readonly Unit[]): readonly UnitSlice[] {
  return units.flatMap(({ slices }, unit) => slices.map(slice => ({ ...slice, unit })))
}

/** The values of append_v4, in its order. The last one is the longest wait for the log's lock, in ms. */
export function appendValues(units: readonly Unit[], slices: readonly UnitSlice[], lockTimeoutMs: number): readonly QueryValue[] {
  const events = slices.flatMap(({ events }) => events)
  return [
    texts(slices.map(({ stream }) => stream)),
    list(slices.map(({ expect }) => expectNumber(expect))),
    list(slices.map(({ unit }) => unit)),
    list(slices.flatMap(({ events }, i) => events.map(() => i + 1))),
    list(slices.flatMap(({ events }) => events.map((_, i) => i + 1))),
    events.map(({ id }) => id).join('\n'),
    events.map(({ type }) => type).join('\n'),
    events.map(({ schema }) => schema).join('\n'),
    events.map(({ data }) => data).join('\n'),
    events.map(({ meta }) => meta).join('\n'),
    keysJson(units),
    lockTimeoutMs,
  ]
}

/** The last value of append_rows_v2, if it is needed: rows with the ids of their events, as JSON. Null: no unit has rows. */
export function rowsJson(units: readonly Unit[]): string | null {
  const rows = units.flatMap(({ rows = [] }) => rows)
  return rows.length ? JSON.stringify(rows) : null
}

type MissedRow = Omit<StoredEvent, 'at'> & { readonly at: string }
export type AppendRow = {
  readonly first: number | null
  readonly stamp: Date
  readonly heads: string
  /** How long the append waited for the log's lock, in seconds. */
  readonly waited: number
  readonly failed: {
    readonly conflicts: readonly {
      readonly slice: number
      readonly actual: number
      readonly missed: readonly MissedRow[] | null
    }[]
    /** Units whose key was used before. */
    readonly known: readonly number[] | null
  } | null
}

/** The keys that were used before, as the server found them. */
export function duplicateKeys(units: readonly Unit[], { failed }: AppendRow): readonly string[] {
  return (failed?.known ?? []).flatMap(unit => units[unit]!.keys.map(({ key }) => key))
}

/** The outcome of each unit. `duplicates`: the stored keys of `duplicateKeys`. */
export function unitOutcomes(
  units: readonly Unit[],
  slices: readonly UnitSlice[],
  { first, stamp, heads, failed }: AppendRow,
  duplicates: readonly StoredKey[],
): readonly UnitOutcome[] {
  const versions = heads.slice(1, -1).split(',')
  const stored = new Map(duplicates.map(key => [key.key, key]))
  const known = new Set(failed?.known)
  const conflicts = Map.groupBy(failed?.conflicts ?? [], ({ slice }) => slices[slice]!.unit)
  const at = stamp.toISOString()
  let slice = 0
  let position = (first ?? 1) - 1
  return units.map((unit, i): UnitOutcome => {
    const missed = conflicts.get(i)
    const failed = known.has(i) || missed !== undefined
    const results = unit.slices.map(({ events }) => {
      if (!failed) position += events.length
      return { version: Number(versions[slice++]) + events.length, position: events.length ? position : 0 }
    })
    if (known.has(i)) return { outcome: 'duplicate', keys: unit.keys.flatMap(({ key }) => stored.get(key) ?? []) }
    return missed
      ? { outcome: 'conflict', conflicts: missed.map(one => conflictOf(slices[one.slice]!, one)) }
      : { outcome: 'appended', slices: results, at }
  })
}

function conflictOf(
  { stream, expect }: Slice,
  { actual, missed }: { readonly actual: number; readonly missed: readonly MissedRow[] | null },
): Conflict {
  return {
    stream,
    expected: expect,
    actual,
    missed: missed?.map(event => ({ ...event, at: new Date(event.at).toISOString() })) ?? null,
  }
}

function expectNumber(expect: Expectation): number {
  if (typeof expect === 'number') return expect
  return expect === 'any' ? -1 : -2
}

/** Keys as JSON, each with the number of its unit. */
function keysJson(units: readonly Unit[]): string | null {
  const found: object[] = []
  let before = 0
  units.forEach(({ slices, keys }, unit) => {
    for (const { keepMs, ...key } of keys) found.push({ ...key, unit, keep_ms: keepMs, last: lastOf(key, slices, before) })
    for (const { events } of slices) before += events.length
  })
  return found.length ? JSON.stringify(found) : null
}

/**
 * The place of a key's last event among the events of the append, from one; null if no slice gives the first version of
 * its stream.
 */
function lastOf(
  { stream, version }: Pick<NewKey, 'stream' | 'version'>,
  slices: readonly Slice[],
  before: number,
): number | null {
  for (const slice of slices) {
    if (slice.stream === stream) return typeof slice.expect === 'number' ? before + version - slice.expect : null
    before += slice.events.length
  }
  return null
}
