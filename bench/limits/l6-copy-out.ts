import postgres from 'postgres'
import type { Contestant } from '../contestant.ts'
import { whole } from '../measure/whole.ts'
import { type OrdersLog, sizeNote } from '../systems/orders-log.ts'

/** What a fold may ask of an event. */
const COLUMNS = 'position, stream, version, id, type, schema, data, meta, at'
const NEWLINE = 10

/** L6: the columns that a replay needs, by COPY through postgres.js. Bytes are counted, and not looked at. */
export function copyOut(log: OrdersLog): Contestant {
  return {
    system: 'postgres',
    open: async arena => {
      const { where, events } = await log.filled(arena)
      const sql = postgres(where, { max: 1, onnotice: () => {}, connection: { search_path: 'emaki' } })
      let bytes = 0
      return {
        run: () =>
          whole(arena.server.pid, async () => {
            bytes = 0
            await copied(sql, chunk => {
              bytes += chunk.length
            })
            return events
          }),
        check: async () => {
          let lines = 0
          let all = 0
          await copied(sql, chunk => {
            all += chunk.length
            for (const byte of chunk) if (byte === NEWLINE) lines++
          })
          return lines === events && all === bytes ? null : `${events} rows are ${all} bytes; found ${lines} rows, ${bytes} bytes`
        },
        note: () => [`${(bytes / events).toFixed(0)} bytes a row`, sizeNote(arena)].filter(Boolean).join('; '),
        close: () => sql.end(),
      }
    },
  }
}

/** Flows, because a stream that is asked for one chunk after the other leaves the connection paused behind the last. */
async function copied(sql: postgres.Sql, take: (chunk: Buffer) => void): Promise<void> {
  const stream = await sql.unsafe(`copy (select ${COLUMNS} from events order by position) to stdout`).readable()
  await new Promise<void>((resolve, reject) => stream.on('data', take).on('end', resolve).on('error', reject))
}
