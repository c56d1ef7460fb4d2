// Writes rows into their tables, within a transaction of the caller.
import { columnOf } from '../../ports/read-model/listing.ts'
import type { NewRow } from '../../ports/read-model/progress.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import type { SliceResult, Unit } from '../../ports/store/unit.ts'
import type { Statements } from './statements.ts'

/** Writes rows of a table over existing ones, and deletes those without data. `keepsNewer`: as in `NewPage`. */
export function writeRows(
  statements: Statements,
  { name, indexes }: Table,
  rows: readonly NewRow[],
  { keepsNewer = false }: { readonly keepsNewer?: boolean } = {},
): void {
  const table = `"rows_${name}"`
  const columns = ['position', 'data', ...indexes.map(({ field }) => `"${columnOf(field)}"`)]
  const upsert = statements.get(
    `insert into ${table} (key, ${columns.join(', ')}) values (?${', ?'.repeat(columns.length)})
     on conflict (key) do update set ${columns.map(column => `${column} = excluded.${column}`).join(', ')}
     ${keepsNewer ? `where excluded.position > ${table}.position` : ''}`,
  )
  const remove = statements.get(`delete from ${table} where key = ? and position <= ?`)
  for (const { key, position, data, fields } of rows) {
    if (data === null) remove.run(key, keepsNewer ? position : Number.MAX_SAFE_INTEGER)
    else upsert.run(key, position, data, ...fields)
  }
}

/** Writes the rows of a unit to each table of their projection's version: its own, and those of rebuilds. */
export function writeUnitRows(statements: Statements, { slices, rows = [] }: Unit, results: readonly SliceResult[]): void {
  const tablesOf = statements.get<{ name: string; indexes: string }>(
    "select name, indexes from row_tables where name = ?1 or name glob ?1 || '_g[0-9]*'",
  )
  for (const { table, stream, version, ...row } of rows) {
    const { position, version: last } = results[slices.findIndex(slice => slice.stream === stream)]!
    const written = { ...row, position: position - (last - version) }
    for (const { name, indexes } of tablesOf.all(table))
      writeRows(statements, { name, indexes: JSON.parse(indexes) as Table['indexes'] }, [written], { keepsNewer: true })
  }
}
