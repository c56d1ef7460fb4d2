// The position of a read, and the events that it may lack.
import type { Incomplete } from './fill.ts'
import type { StoredRow } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'

/**
 * The source of a read. It includes everything up to the position; `incomplete` says what it may lack after that, or
 * null.
 */
export type ReadFrom = { readonly table: Table; readonly position: number; readonly incomplete: Incomplete | null }

/** The row of a key. Null: there is none. */
export type RowRead = ReadFrom & { readonly found: Pick<StoredRow, 'key' | 'data' | 'position'> | null }

/** The events that an answer made of two reads may lack: all that either read may lack. */
export function mergeIncomplete(one: Incomplete | null, other: Incomplete | null): Incomplete | null {
  if (!one || !other) return one ?? other
  return { parked: lowerOf(one.parked, other.parked), frozen: lowerOf(one.frozen, other.frozen) }
}

export function lowerOf(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}
