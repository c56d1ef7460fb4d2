import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../adapters/sqlite/store.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { copyEmptyLog } from '../../test-support/sqlite.ts'
import { testSchema } from '../../test-support/schema.ts'
import { refusalsCases, refusalsContract } from './contract/index.ts'
import { memoryRefusals } from './memory.ts'
import type { Refusals } from './refusals.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-refusals-'))
const log = new KeptLog(testSchema())
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await log.drop()
})

refusalsContract('memory', async () => ({ refusals: memoryRefusals(), close: async () => {} }))

refusalsContract('SQLite', async () => {
  const store = sqlite(await copyEmptyLog(folder))
  await store.open()
  return store
})

refusalsContract('PostgreSQL', async () => {
  const { store, close } = await log.openLog()
  return { refusals: store.refusals, close }
})

describe('planted bugs in refusals', () => {
  const plants: readonly (readonly [string, string, (refusals: Refusals) => Partial<Refusals>])[] = [
    [
      'a list by the time instead of by the order of adding',
      'list those that were added last first',
      refusals => ({
        list: async filter => (await refusals.list(filter)).toSorted((one, other) => (one.at < other.at ? 1 : -1)),
      }),
    ],
    [
      'a bound that counts no kinds',
      'keep the newest of each',
      refusals => ({ forget: by => refusals.forget({ ...by, ofKind: 99 }) }),
    ],
    [
      'a bound that counts only kinds',
      'keep the newest of all',
      refusals => ({ forget: by => refusals.forget({ ...by, all: 99 }) }),
    ],
    ['a week that never ends', 'forget those before', refusals => ({ forget: by => refusals.forget({ ...by, after: 0 }) })],
    [
      'a filter that is forgotten',
      'list only those of a command',
      refusals => ({ list: ({ code: _, ...filter }) => refusals.list(filter) }),
    ],
  ]
  for (const [bug, title, plant] of plants) {
    test(`the contract of refusals catches ${bug}`, async () => {
      const { run } = refusalsCases.find(one => one.title.startsWith(title))!
      const sound = { refusals: memoryRefusals(), close: async () => {} }
      await run(sound)
      const refusals = memoryRefusals()
      await expect(run({ refusals: { ...refusals, ...plant(refusals) }, close: sound.close })).rejects.toThrow()
    })
  }
})
