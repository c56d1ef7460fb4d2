import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../adapters/sqlite/store.ts'
import { memory } from '../store/memory.ts'
import type { Store } from '../store/store.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { copyEmptyLog } from '../../test-support/sqlite.ts'
import { testSchema } from '../../test-support/schema.ts'
import type { TestedAgenda } from './contract/case.ts'
import { agendaCases, agendaContract } from './contract/index.ts'
import type { Agenda } from './agenda.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-agenda-'))
const schema = testSchema()
const log = new KeptLog(schema)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await log.drop()
})

function inMemory(): TestedAgenda {
  let time = 1_700_000_000_000
  const advance = (ms: number) => {
    time += ms
  }
  return { store: memory({ now: () => time }), advance, close: async () => {} }
}

agendaContract('memory', async () => inMemory())

agendaContract('SQLite', async () => {
  let ahead = 0
  const store = sqlite(await copyEmptyLog(folder), { now: () => Date.now() + ahead })
  await store.open()
  const advance = (ms: number) => {
    ahead += ms
  }
  return { store, advance, close: () => store.close() }
})

agendaContract('PostgreSQL', async () => {
  const at = await schema
  const { store, close } = await log.openLog()
  const table = (name: string) => at.sql(`${at.schema}.${name}`)
  // The database's time is its own: what is stored is moved instead.
  const advance = async (ms: number) => {
    const by = `${ms} milliseconds`
    await at.sql`update ${table('agenda')} set due = due - ${by}::interval, ended_at = ended_at - ${by}::interval`
    await at.sql`update ${table('keys')} set until = until - ${by}::interval`
  }
  return { store, advance, close }
})

describe('planted bugs in agendas', () => {
  const plants: readonly (readonly [string, string, (agenda: Agenda, store: Store) => Partial<TestedAgenda['store']>])[] = [
    [
      'entries that are due early',
      'gives what is due of one owner in order',
      agenda => ({
        agenda: {
          ...agenda,
          due: async (owner, limit) => ({ ...(await agenda.due(owner, limit)), entries: await agenda.list({ owner, limit }) }),
        },
      }),
    ],
    [
      'a page that is refused and changes the agenda all the same',
      'takes nothing with a page that is refused',
      (agenda, { readModel }) => ({
        readModel: {
          ...readModel,
          commit: async page => {
            for (const one of page.agenda?.add ?? []) await agenda.schedule(one)
            return readModel.commit(page)
          },
        },
      }),
    ],
    [
      'keys that end before what they are of',
      'keeps the idempotency keys of what is pending',
      agenda => ({ agenda: { ...agenda, renewKeys: async () => {} } }),
    ],
    [
      'what is done by its name alone',
      'keeps a timer that has been set anew',
      agenda => ({
        agenda: {
          ...agenda,
          done: async done => {
            const now = await Promise.all(done.map(({ id }) => agenda.find(id)))
            await agenda.done(now.filter(one => one !== null))
          },
        },
      }),
    ],
    [
      'what is done and given again',
      'forgets an entry that is done',
      agenda => ({ agenda: { ...agenda, done: async () => {} } }),
    ],
  ]
  for (const [bug, title, plant] of plants) {
    test(`the contract of agendas catches ${bug}`, async () => {
      const { run } = agendaCases.find(one => one.title.startsWith(title))!
      const sound = inMemory()
      await run(sound)
      const { store, ...rest } = inMemory()
      const broken = { ...store, ...plant(store.agenda, store as Store) }
      await expect(run({ ...rest, store: broken })).rejects.toThrow()
    })
  }
})
