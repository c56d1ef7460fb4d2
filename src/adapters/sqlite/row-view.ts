// The SQL of a view of a projection's rows.
import type { RowField } from '../../definitions/projection/row-fields.ts'
import { describeView, quoteName, quoteText, type RowView } from '../../ports/read-model/row-view.ts'

/**
 * The statement that makes a view of the rows of a table. The view is temporary, so that it is never older than the
 * connection that made it, and a connection that may only read can make it.
 */
export function sqliteView(view: RowView, table: string): string {
  return `${describeView(view)}
create temp view if not exists ${quoteName(view.name)} as
select
  ${columnsOf(view).join(',\n  ')}
from main.${quoteName(`rows_${table}`)} r;
`
}

function columnsOf({ own, fields }: RowView): readonly string[] {
  return [
    'r.key',
    `r.position as ${quoteName(own.position)}`,
    ...fields.map(field => `${fieldValue(field)} as ${quoteName(field.name)}`),
    `r.data as ${quoteName(own.data)}`,
  ]
}

/** A path of JSON cannot name each field, and json_each knows all of them. A boolean is 0 or 1. */
function fieldValue({ name, kind }: RowField): string {
  const value = kind === 'json' ? JSON_TEXT : 'j.value'
  return `(select ${value} from json_each(r.data) j where j.key = ${quoteText(name)})`
}

const JSON_TEXT =
  "case j.type when 'true' then 'true' when 'false' then 'false' when 'text' then json_quote(j.value) else j.value end"
