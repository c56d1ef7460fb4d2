// The conditions of a list of rows, as SQL.
import type { Condition } from '../../ports/read-model/listing.ts'
import { isStorable } from '../../ports/read-model/storable.ts'
import type { SqlValues } from './query.ts'

/**
 * Writes an equality on the sort column as membership in a list of one, so that the planner does not see a constant.
 * Otherwise it would sort by the key alone, and might walk through all keys to find a rare value.
 */
export function asMembership(condition: Condition, column: string): Condition | DrivingCondition {
  return condition.is === 'equal' && condition.column === column ? { ...condition, is: 'one of' } : condition
}
type DrivingCondition = { readonly is: 'one of'; readonly column: string; readonly value: string | number }

/** `more`: further conditions, as SQL. */
export function whereOf(
  asked: readonly (Condition | DrivingCondition)[],
  values: SqlValues,
  more: readonly string[] = [],
): string {
  const all = [...asked.map(condition => sqlOf(condition, values)), ...more]
  return all.length ? `where ${all.join(' and ')}` : ''
}

function sqlOf(condition: Condition | DrivingCondition, values: SqlValues): string {
  if (condition.is === 'equal') return `"${condition.column}" = ${values.add(storable(condition.value))}`
  if (condition.is === 'one of') {
    const type = typeof condition.value === 'number' ? 'double precision' : 'text'
    return `"${condition.column}" = any (array[${values.add(storable(condition.value))}::${type}])`
  }
  if (condition.is === 'null' || condition.is === 'not null') return `"${condition.column}" is ${condition.is}`
  const columns = condition.columns.map(column => `"${column}"`)
  const place = condition.values.map(value => values.add(storable(value)))
  return `(${columns.join(', ')}) ${condition.is === 'above' ? '>' : '<'} (${place.join(', ')})`
}

/** Null for a text that no table can store, so that nothing is found. */
export function storable(value: string | number): string | number | null {
  return typeof value === 'number' || isStorable(value) ? value : null
}
