import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { rowParts } from './page.ts'
import type { Pool } from './pool.ts'
import { query, SqlValues } from './query.ts'

/**
 * Writes chunks of rows, each with a statement of its own, while the checkpoint is where their page begins. So no
 * transaction stays open between them, for which an append would wait with the lock of the log. Rows that keep newer
 * ones may be ahead of the checkpoint, as those of appends are.
 */
export async function writeRowsFirst(
  projector: Pool,
  schema: string,
  page: NewPage,
  table: Table,
  chunks: readonly (readonly NewRow[])[],
): Promise<void> {
  for (const part of chunks.flatMap(rows => rowParts(schema, table, rows, page))) {
    const values = new SqlValues()
    const isHere = `exists (select from ${schema}.checkpoints
      where name = ${values.add(page.name)} and epoch = ${values.add(page.epoch)} and position = ${values.add(page.from)})`
    const text = part(values, isHere)
    await projector.run(sql => query(sql, text, values.all, { custom: true }), { reasonIfLost: 'unknown' })
  }
}
