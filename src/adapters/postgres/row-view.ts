// The SQL of a view of a projection's rows.
import type { RowField } from '../../definitions/projection/row-fields.ts'
import { describeView, nameIn, quoteName, quoteText, type RowView } from '../../ports/read-model/row-view.ts'

/**
 * Statements that make a view of rows in the schema of the log. They may be run again. A function finds the table that is
 * served each time, so that nothing hinders Emaki from dropping another. `reader`: a role that may read the view then.
 */
export function postgresView(view: RowView, schema: string, reader: string | null): string {
  const at = (name: string) => `${quoteName(schema)}.${quoteName(name)}`
  const [rows, shown] = [`${at(`read_${nameIn(view.projection)}`)}()`, at(view.name)]
  return `${describeView(view)}
begin;
set local standard_conforming_strings = on;
create or replace function ${rows} returns table (key text, "position" bigint, data jsonb)
language plpgsql stable security definer set search_path to pg_catalog, pg_temp
as ${quoteText(bodyOf(view, schema))};
revoke all on function ${rows} from public;
drop view if exists ${shown};
create view ${shown} as
select
  ${columnsOf(view).join(',\n  ')}
from ${rows} r;
${reader === null ? '' : grantsTo(quoteName(reader), { schema: quoteName(schema), rows, shown })}commit;
`
}

function columnsOf({ own, fields }: RowView): readonly string[] {
  return [
    'r.key',
    `r."position" as ${quoteName(own.position)}`,
    ...fields.map(field => `${VALUES[field.kind](quoteText(field.name))} as ${quoteName(field.name)}`),
    `r.data as ${quoteName(own.data)}`,
  ]
}

const VALUES: Readonly<Record<RowField['kind'], (field: string) => string>> = {
  text: field => `r.data ->> ${field}`,
  number: field => `(r.data ->> ${field})::numeric`,
  boolean: field => `(r.data ->> ${field})::boolean`,
  json: field => `nullif(r.data -> ${field}, 'null')`,
}

function bodyOf({ projection }: RowView, schema: string): string {
  return `
#variable_conflict use_column
declare
  served text := (select s.name from ${quoteName(schema)}.serving s where s.projection = ${quoteText(projection)});
begin
  if served is null then
    raise exception 'no rows of % are served yet', ${quoteText(projection)} using hint = 'wait until the projection has caught up';
  end if;
  return query execute format(${quoteText(`select r.key, r.position, ${quoteName(schema)}.json_v1(r.data) from %I.%I r`)}, ${quoteText(schema)}, 'rows_' || served);
end
`
}

function grantsTo(
  reader: string,
  { schema, rows, shown }: { readonly schema: string; readonly rows: string; readonly shown: string },
): string {
  return `grant usage on schema ${schema} to ${reader};
grant execute on function ${rows} to ${reader};
grant select on ${shown} to ${reader};
`
}
