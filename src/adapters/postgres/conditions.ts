// The conditions of a list of rows, as SQL.
import type { Condition } from '../../ports/read-model/listing.ts'
import { isStorable } from '../../ports/read-model/storable.ts'
import type { SqlValues } from './query.ts'
import { list, texts } from './text.ts'

/**
 * Writes an equality on the sort column as membership in a list of one, so that the planner does not see a constant.
 * Otherwise it would sort by the key alone, and might walk through all keys to find a rare value.
 */
export function asMembership(condition: Condition, column: string): Condition {
  if (condition.is !== 'equal' || condition.column !== column) return condition
  return { is: 'one of', column, values: [condition.value], orNull: false }
}

/** `more`: further conditions, as SQL. */
export function whereOf(asked: readonly Condition[], values: SqlValues, more: readonly string[] = []): string {
  const all = [...asked.map(condition => sqlOf(condition, values)), ...more]
  return all.length ? `where ${all.join(' and ')}` : ''
}

function sqlOf(condition: Condition, values: SqlValues): string {
  switch (condition.is) {
    case 'equal':
      return `"${condition.column}" = ${values.add(storable(condition.value))}`
    case 'one of': {
      const isNull = condition.orNull ? [`"${condition.column}" is null`] : []
      const isOne = condition.values.length ? [`"${condition.column}" = any (${arrayOf(condition.values, values)})`] : []
      return `(${[...isOne, ...isNull].join(' or ') || 'false'})`
    }
    case 'null':
    case 'not null':
      return `"${condition.column}" is ${condition.is}`
    default: {
      const columns = condition.columns.map(column => `"${column}"`)
      const place = condition.values.map(value => values.add(storable(value)))
      return `(${columns.join(', ')}) ${condition.is} (${place.join(', ')})`
    }
  }
}

/** One statement serves all numbers of values. A single value has its own, as the planner then knows that it is one. */
function arrayOf(found: readonly (string | number)[], values: SqlValues): string {
  const type = typeof found[0] === 'number' ? 'double precision' : 'text'
  if (found.length === 1) return `array[${values.add(storable(found[0]!))}::${type}]`
  const all = found.filter(value => typeof value === 'number' || isStorable(value))
  return `${values.add(type === 'text' ? texts(all as readonly string[]) : list(all as readonly number[]))}::${type}[]`
}

/** Null for a text that no table can store, so that nothing is found. */
export function storable(value: string | number): string | number | null {
  return typeof value === 'number' || isStorable(value) ? value : null
}
