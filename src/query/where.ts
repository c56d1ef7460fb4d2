// Filters as code and HTTP give them, and the port's filter that they come to.
import { indexValue } from '../definitions/projection/fold.ts'
import { type Comparison, type Criterion, CRITERION_VALUES_MAX, type RowFilter } from '../ports/read-model/filter.ts'
import type { Index, Table, Value } from '../ports/read-model/tables.ts'

type OperatorName = 'eq' | 'gt' | 'gte' | 'lt' | 'lte' | 'in' | 'prefix' | 'null'
type Scalar = string | number | boolean | null
/** The conditions on one field, all of which have to be met. `eq` is how HTTP gives the value beside other conditions. */
type Conditions = { readonly [O in OperatorName]?: Scalar | readonly Scalar[] | undefined }
/** By field: the value that it must have, or conditions. Undefined: any value. */
export type Where = Readonly<Record<string, Scalar | Conditions | undefined>>

/** A list request that is wrong. `field` names the wrong part. */
export class BadList extends RangeError {
  override readonly name = 'BadList'
  readonly field: string
  /** What is wrong with that part. */
  readonly problem: string
  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`)
    this.field = field
    this.problem = problem
  }
}

/**
 * Reads conditions on the indexes of a table. Throws BadList for a field that is no index, for an operator that does not
 * exist, and for a value of the wrong kind.
 */
export function filterOf(table: Pick<Table, 'indexes'>, where: Where): RowFilter {
  return Object.entries(where).flatMap(([field, wanted]) => {
    if (wanted === undefined) return []
    const index = table.indexes.find(index => index.field === field)
    if (!index) throw new BadList(field, `is no index; there are ${table.indexes.map(({ field }) => field).join(', ') || 'none'}`)
    return wanted !== null && typeof wanted === 'object' ? criteriaOf(index, wanted) : [equal(index, field, wanted)]
  })
}

function criteriaOf(index: Index, conditions: Conditions): RowFilter {
  return Object.entries(conditions).flatMap(([operator, value]) => {
    if (value === undefined) return []
    const name = operator === 'eq' ? index.field : `${index.field}.${operator}`
    if (!Object.hasOwn(OPERATORS, operator))
      throw new BadList(name, `is no condition; there are ${Object.keys(OPERATORS).join(', ')}`)
    return [OPERATORS[operator as OperatorName](index, name, value)]
  })
}

type Operator = (index: Index, name: string, value: unknown) => Criterion

const OPERATORS: Readonly<Record<OperatorName, Operator>> = {
  eq: equal,
  gt: compare('>'),
  gte: compare('>='),
  lt: compare('<'),
  lte: compare('<='),
  in: (index, name, values) => {
    if (!Array.isArray(values)) throw new BadList(name, 'expected a list')
    if (values.length > CRITERION_VALUES_MAX) throw new BadList(name, `expected at most ${CRITERION_VALUES_MAX} values`)
    return { field: index.field, is: 'one of', values: values.map(value => valueFor(index, name, value)) }
  },
  prefix: (index, name, value) => {
    if (index.kind !== 'text') throw new BadList(name, 'only a text has a prefix')
    return { field: index.field, is: 'prefix', value: notNull(valueFor(index, name, value), name) as string }
  },
  null: ({ field }, name, value) => {
    if (typeof value !== 'boolean') throw new BadList(name, 'expected true or false')
    return value ? { field, is: 'equal', value: null } : { field, is: 'not null' }
  },
}

function equal(index: Index, name: string, value: unknown): Criterion {
  return { field: index.field, is: 'equal', value: valueFor(index, name, value) }
}

function compare(is: Comparison): Operator {
  return (index, name, value) => ({ field: index.field, is, value: notNull(valueFor(index, name, value), name) })
}

function valueFor({ kind }: Index, name: string, value: unknown): Value {
  const found = indexValue(value as Scalar)
  const fits = found === null || (kind === 'text' ? typeof found === 'string' : Number.isFinite(found))
  if (!fits) throw new BadList(name, `expected a ${kind}`)
  return found
}

function notNull(value: Value, name: string): string | number {
  if (value === null) throw new BadList(name, 'null is neither less nor greater than a value; ask for null')
  return value
}
