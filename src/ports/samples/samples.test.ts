import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../adapters/sqlite/store.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { copyEmptyLog } from '../../test-support/sqlite.ts'
import { testSchema } from '../../test-support/schema.ts'
import { samplesCases, samplesContract } from './contract/index.ts'
import { memorySamples } from './memory.ts'
import type { Samples } from './samples.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-samples-'))
const log = new KeptLog(testSchema())
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await log.drop()
})

samplesContract('memory', async () => ({ samples: memorySamples(), close: async () => {} }))

samplesContract('SQLite', async () => {
  const store = sqlite(await copyEmptyLog(folder))
  await store.open()
  return store
})

samplesContract('PostgreSQL', async () => {
  const { store, close } = await log.openLog()
  return { samples: store.samples, close }
})

describe('planted bugs in samples', () => {
  let number = 0
  const plants: readonly (readonly [string, string, (samples: Samples) => Partial<Samples>])[] = [
    [
      'a batch that is added whenever it comes',
      'add a batch once',
      samples => ({ add: batch => samples.add({ ...batch, number: ++number }) }),
    ],
    [
      'writers that share their numbers',
      'add the counts of all batches',
      samples => ({ add: batch => samples.add({ ...batch, writer: 'all' }) }),
    ],
    [
      'counts that take the place of others',
      'add the counts of all batches',
      samples => ({
        list: async filter =>
          (await samples.list(filter)).map(one => ({ ...one, minutes: one.minutes.map(count => Math.min(count, 5)) })),
      }),
    ],
    [
      'pages that leave out the rest of an hour',
      'list page after page',
      samples => ({ list: ({ after, limit }) => samples.list({ after: { ...after, subject: '\uffff\uffff' }, limit }) }),
    ],
    ['weeks that never end', 'forget the hours', samples => ({ forget: () => samples.forget(0) })],
    [
      'writers that are never forgotten',
      'forget a writer',
      samples => ({
        add: async batch => {
          if (number >= 2) return
          number++
          await samples.add(batch)
        },
      }),
    ],
  ]
  for (const [bug, title, plant] of plants) {
    test(`the contract of samples catches ${bug}`, async () => {
      const { run } = samplesCases.find(one => one.title.startsWith(title))!
      const sound = { samples: memorySamples(), close: async () => {} }
      await run(sound)
      const samples = memorySamples()
      number = 0
      await expect(run({ samples: { ...samples, ...plant(samples) }, close: sound.close })).rejects.toThrow()
    })
  }
})
