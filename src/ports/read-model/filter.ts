// The conditions of a list or a count, as one value for every store.
import { compareText } from './compare-text.ts'
import { isStorable } from './storable.ts'
import type { Value } from './tables.ts'

/**
 * Conditions on indexes. A row has to meet all of them; an empty filter finds every row. An index may occur more than
 * once. So two filters together are one behind the other: `[...one, ...other]`.
 */
export type RowFilter = readonly Criterion[]

/**
 * A condition on the value of one index. Texts are compared by code points. Null is neither less nor greater than a
 * value, and has no prefix. A text that no store can hold is found by nothing.
 */
export type Criterion =
  | { readonly field: string; readonly is: 'equal'; readonly value: Value }
  | { readonly field: string; readonly is: 'one of'; readonly values: readonly Value[] }
  | { readonly field: string; readonly is: 'not null' }
  | { readonly field: string; readonly is: Comparison; readonly value: string | number }
  | { readonly field: string; readonly is: 'prefix'; readonly value: string }
export type Comparison = '<' | '<=' | '>' | '>='

/** The most values of one `one of`. */
export const CRITERION_VALUES_MAX = 1_000

/** The filter for rows that have these values. */
export function filterByValues(values: Readonly<Record<string, Value>>): RowFilter {
  return Object.entries(values).map(([field, value]) => ({ field, is: 'equal', value }))
}

/** All values that a criterion compares with. */
export function valuesOfCriterion(criterion: Criterion): readonly Value[] {
  if (criterion.is === 'not null') return []
  return criterion.is === 'one of' ? criterion.values : [criterion.value]
}

/** Whether a value meets a criterion. */
export function meets(found: Value, criterion: Criterion): boolean {
  switch (criterion.is) {
    case 'equal':
      return found === criterion.value
    case 'one of':
      return criterion.values.includes(found)
    case 'not null':
      return found !== null
    case 'prefix':
      return typeof found === 'string' && isStorable(criterion.value) && found.startsWith(criterion.value)
    default:
      return found !== null && isComparable(criterion.value) && COMPARE[criterion.is](compareValues(found, criterion.value))
  }
}

const COMPARE: Readonly<Record<Comparison, (order: number) => boolean>> = {
  '<': order => order < 0,
  '<=': order => order <= 0,
  '>': order => order > 0,
  '>=': order => order >= 0,
}

function isComparable(value: string | number): boolean {
  return typeof value === 'number' || isStorable(value)
}

/** Compares two values of an index. Nulls come first. */
export function compareValues(one: Value, other: Value): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null)
  return typeof one === 'string' ? compareText(one, String(other)) : one - Number(other)
}

/** The least text behind all texts with this prefix, by code points. Null: there is none. */
export function endOfPrefix(prefix: string): string | null {
  const points = [...prefix]
  while (points.at(-1) === LAST_POINT) points.pop()
  const last = points.pop()?.codePointAt(0)
  if (last === undefined) return null
  // No text holds half a surrogate pair.
  return points.join('') + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1)
}
const LAST_POINT = '\u{10ffff}'
