// W5: events that are there already are brought into the log, so many a call, one call after the other.
import type { Store } from 'emaki'
import { postgres } from 'emaki/postgres'
import type { Contestant } from '../contestant.ts'
import { importedRows } from '../limits/l5-copy-in.ts'
import { row } from '../limits/row.ts'
import { whole } from '../measure/whole.ts'
import { checkLog } from './check-log.ts'

/** The events of one stream. */
const EACH = 20

type Unit = Parameters<Store['append']>[0][number]

/** Through the store's port, where nobody decides and nothing is parsed, but every stream has to be new. */
export function imports(events: number): Contestant {
  return {
    system: 'emaki',
    open: async arena => {
      const url = await arena.server.createDatabase('import')
      const store = postgres(url)
      await store.open()
      let acked = 0
      const run = () =>
        whole(arena.server.pid, async () => {
          const many = importedRows(arena.short)
          for (let i = 0; i < many; i += events) {
            const [answer] = await store.append([unitOf(events)])
            if (answer?.outcome !== 'appended') throw new Error(`an import into new streams was answered ${answer?.outcome}`)
            acked += events
          }
          return many
        })
      return { run, check: () => checkLog(url, acked), close: () => store.close() }
    },
  }
}

/** What `emaki import` calls once it has read its file: staged by COPY, moved in chunks between which others append. */
export const importsAll: Contestant = {
  system: 'emaki',
  open: async arena => {
    const url = await arena.server.createDatabase('import')
    const store = postgres(url)
    await store.open()
    let acked = 0
    const run = () =>
      whole(arena.server.pid, async () => {
        const many = importedRows(arena.short)
        const made = Array.from({ length: many / PAGE }, pageOf)
        const records = async function* () {
          yield* made
        }
        for await (const { moved } of store.import(records, { source: 'bench', onlyNew: true })) if (moved === many) acked += many
        return many
      })
    return { run, check: () => checkLog(url, acked), close: () => store.close() }
  },
}

const PAGE = 500

function pageOf(): readonly ReturnType<typeof row>[] {
  return Array.from({ length: PAGE / EACH }, streamOf).flat()
}

function streamOf(): readonly ReturnType<typeof row>[] {
  const { stream } = row()
  return Array.from({ length: EACH }, () => ({ ...row(), stream }))
}

function unitOf(events: number): Unit {
  const slices = Array.from({ length: events / EACH }, () => {
    const events = streamOf()
    return { stream: events[0]!.stream, expect: 0, events }
  })
  return { slices, keys: [] }
}
