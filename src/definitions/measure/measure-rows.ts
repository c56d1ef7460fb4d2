// A metric of a user's own: how many rows a projection has now, by some of their indexes.
import type { DefinitionName } from '../definition-name.ts'
import { spec } from '../event/events.ts'
import type { OptionKinds } from '../options.ts'
import type { Projection } from '../projection/projection.ts'
import { fieldsOf } from '../projection/row-fields.ts'
import { checkAttribute } from './metric-name.ts'
import { checkMeasure, type Measure, measureOf, type MetricOptions } from './spec.ts'

type MeasureRowsOptions<Row, I extends string> = MetricOptions & {
  /** The projection whose rows are counted. */
  readonly rows: Projection<string, Row, I>
  /** The attributes of the metric: indexes of the projection that have few values. Default: none, so it counts all rows. */
  readonly by?: readonly NoInfer<I>[]
  /** The unit: what is counted, such as `{order}`. Default: none. */
  readonly unit?: string
}

/**
 * Measures what is now: how many rows a projection has, by some of their indexes. `/metrics` shows it as a gauge.
 *
 * @example
 * const ordersByStatus = measureRows('orders_by_status', { rows: orders, by: ['status'], unit: '{order}' })
 */
export function measureRows<const N extends string, Row, I extends string>(
  name: DefinitionName<N, 'measure'>,
  options: MeasureRowsOptions<Row, I>,
): Measure<N> {
  const where = `measureRows('${name}')`
  checkMeasure(where, name, options, OPTIONS)
  const { by = [], unit = '', help, question = name } = options
  const rows = options.rows[spec]
  if (rows.live) throw new TypeError(`${where}: the projection ${rows.name} is live, so it keeps no rows to count`)
  for (const field of by) checkCounted(where, rows, field)
  const flags = new Set(fieldsOf(rows.row).flatMap(({ name, kind }) => (kind === 'boolean' ? [name] : [])))
  const metric = {
    kind: 'gauge',
    unit,
    attributes: by,
    help: help ?? `The rows of ${rows.name}${by.length ? `, by ${by.join(' and ')}` : ''}.`,
    question,
  } as const
  return measureOf<N>(name as N, metric, { kind: 'rows', rows, by: by.map(field => ({ field, isFlag: flags.has(field) })) })
}

const OPTIONS: OptionKinds<keyof MeasureRowsOptions<unknown, string>> = {
  rows: 'projections',
  by: 'texts?',
  unit: 'text?',
  help: 'text?',
  question: 'text?',
}

function checkCounted(where: string, rows: Projection<string, unknown, string>[typeof spec], field: string): void {
  checkAttribute(`${where}.by`, field)
  const { name, indexes } = rows
  if (!indexes.some(index => index.field === field))
    throw new TypeError(`${where}: rows are counted by their indexes, and ${name} has no index ${field}`)
}
