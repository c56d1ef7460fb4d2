// What a read includes, and what it may lack.
import type { Incomplete } from './fill.ts'
import type { StoredRow } from '../ports/read-model/rows.ts'
import type { Table } from '../ports/read-model/tables.ts'

/** A read includes everything up to the position. `incomplete` says what it may lack after that; null: nothing. */
export type ReadFrom = { readonly table: Table; readonly position: number; readonly incomplete: Incomplete | null }

/** The row of a key; null: there is none. */
export type RowRead = ReadFrom & { readonly found: Pick<StoredRow, 'key' | 'data' | 'position'> | null }

/** What an answer may lack that is made of two reads: it lacks what either may lack. */
export function mergeIncomplete(one: Incomplete | null, other: Incomplete | null): Incomplete | null {
  if (!one || !other) return one ?? other
  return { parked: lower(one.parked, other.parked), frozen: lower(one.frozen, other.frozen) }
}

function lower(one: number | null, other: number | null): number | null {
  return one === null || other === null ? (one ?? other) : Math.min(one, other)
}
