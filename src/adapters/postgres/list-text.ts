// The statement that lists a page of rows.
import { planListing } from '../../ports/read-model/listing.ts'
import type { ListOptions } from '../../ports/read-model/rows.ts'
import { asMembership, whereOf } from './conditions.ts'
import { isUnparked } from './parked.ts'
import type { SqlValues } from './query.ts'

type Listed = {
  readonly schema: string
  /** The table of the rows, and the placeholder of its name in the read model. */
  readonly from: string
  readonly name: string
}

/** Writes the statement, and adds its values. */
export function listText(
  { schema, from, name }: Listed,
  values: SqlValues,
  { limit, skipsParked = false, ...options }: ListOptions,
): string {
  const { order, parts } = planListing(options)
  const by = order.map(
    ({ column, descending }) =>
      `"${column}" ${ORDER[column === 'key' ? 'key' : 'field'][descending ? 'descending' : 'ascending']}`,
  )
  const ordered = `order by ${by.join(', ')} limit ${values.add(limit)}`
  const columns = [...new Set([...order.map(({ column }) => column), 'position', 'data'])].map(column => `"${column}"`)
  const texts = parts.map(
    part =>
      `select ${columns.join(', ')} from ${from} r ${whereOf(
        part.map(condition => asMembership(condition, order[0]!.column)),
        values,
        skipsParked ? [isUnparked(schema, name)] : [],
      )} ${ordered}`,
  )
  return texts.length === 1 ? texts[0]! : `select * from (${texts.map(text => `(${text})`).join('\nunion all\n')}) u ${ordered}`
}

/** The order of the indexes. */
const ORDER = {
  field: { ascending: 'nulls first', descending: 'desc nulls last' },
  key: { ascending: '', descending: 'desc' },
} as const
