import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'
import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { bareTable } from './bare-table.ts'
import { row } from './row.ts'

const CHUNK_ROWS = 500
/** The rows of one stream, as those that are imported. */
const EACH = 20

/** Rows of a run: 1 M in four of them. */
export function importedRows(short: boolean): number {
  return short ? 10_000 : 250_000
}

/** L5: COPY through postgres.js into our table with its indexes, one transaction for all the rows of a run. Nobody checks. */
export const copyIn: Contestant = {
  system: 'postgres',
  open: async arena => {
    const { sql } = await bareTable(arena, 1)
    let copied = 0
    const run = () =>
      whole(arena.server.pid, async () => {
        const many = importedRows(arena.short)
        const into = await sql`copy events (position, stream, version, id, type, schema, data, meta, at) from stdin`.writable()
        await pipeline(Readable.from(chunks(copied, many)), into)
        copied += many
        return many
      })
    const check = async () => {
      const [found] = await sql<{ rows: number; streams: number }[]>`
        select count(*)::int as rows, count(distinct stream)::int as streams from events`
      const { rows, streams } = found!
      return rows === copied && streams === copied / EACH
        ? null
        : `${copied} rows were copied; found ${rows} in ${streams} streams`
    }
    return { run, check, close: () => sql.end() }
  },
}

function* chunks(after: number, many: number): Generator<string> {
  const at = new Date().toISOString()
  let stream = ''
  for (let i = 0; i < many; i += CHUNK_ROWS) {
    let chunk = ''
    for (let j = i; j < i + CHUNK_ROWS; j++) {
      const { id, type, schema, data, meta, ...one } = row()
      if (j % EACH === 0) stream = one.stream
      // Of what COPY reads as its own, JSON text holds backslashes only.
      chunk += `${after + j + 1}\t${stream}\t${(j % EACH) + 1}\t${id}\t${type}\t${schema}\t${data.replaceAll('\\', '\\\\')}\t${meta}\t${at}\n`
    }
    yield chunk
  }
}
