import { postgres as store } from 'emaki/postgres'
import postgres from 'postgres'
import type { Contestant } from '../contestant.ts'
import { driven } from '../measure/driven.ts'
import { checkLog } from '../systems/check-log.ts'
import { row } from './row.ts'

/** L4: the append function called without a runtime or a store in front of it, with so many new streams a call. */
export function appendFunction(streams: number): Contestant {
  return {
    system: 'append_v4',
    open: async arena => {
      const url = await arena.server.createDatabase('function')
      const migrating = store(url)
      await migrating.open()
      await migrating.close()
      const sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} })
      const fixed = fixedParameters(streams)
      let acted = 0
      const act = async () => {
        const rows = Array.from({ length: streams }, row)
        const joined = (name: keyof (typeof rows)[number]) => rows.map(row => row[name]).join('\n')
        const [found] = await sql.unsafe(
          'select failed is null as ok from emaki.append_v4($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, null, 2000)',
          [
            `{${rows.map(({ stream }) => stream).join(',')}}`,
            ...fixed,
            joined('id'),
            joined('type'),
            joined('schema'),
            joined('data'),
            joined('meta'),
          ],
          { prepare: true },
        )
        if (!found?.['ok']) throw new Error('append_v4 refused a new stream')
        acted += streams
      }
      return driven(
        { act, callers: 1, events: streams, postmaster: arena.server.pid },
        { check: () => checkLog(url, acted), close: () => sql.end() },
      )
    },
  }
}

/** Expectations, units, of and nth: each stream is new, a unit of its own, and gets one event. */
function fixedParameters(streams: number): string[] {
  const list = (number: (i: number) => number) => `{${Array.from({ length: streams }, (_, i) => number(i)).join(',')}}`
  return [list(() => 0), list(i => i), list(i => i + 1), list(() => 1)]
}
