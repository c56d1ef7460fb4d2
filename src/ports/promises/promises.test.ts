import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sqlite } from '../../adapters/sqlite/store.ts'
import { KeptLog } from '../../test-support/kept-log.ts'
import { copyEmptyLog } from '../../test-support/sqlite.ts'
import { testSchema } from '../../test-support/schema.ts'
import { promisesCases, promisesContract } from './contract/index.ts'
import { memoryPromises } from './memory.ts'
import type { Breach, Promises } from './promises.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-promises-'))
const log = new KeptLog(testSchema())
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await log.drop()
})

promisesContract('memory', async () => ({ promises: memoryPromises(), close: async () => {} }))

promisesContract('SQLite', async () => {
  const store = sqlite(await copyEmptyLog(folder))
  await store.open()
  return store
})

promisesContract('PostgreSQL', async () => {
  const { store, close } = await log.openLog()
  return { promises: store.promises, close }
})

describe('planted bugs in what is known of promises', () => {
  const plants: readonly (readonly [string, string, (promises: Promises) => Partial<Promises>])[] = [
    [
      'texts that are cut',
      'give each breach',
      p => ({ addBreach: one => p.addBreach({ ...one, subject: one.subject.slice(0, 3) }) }),
    ],
    ['a breach that is added again', 'keep a breach once', addedAgain],
    ['breaches without a bound', 'keep a bounded number', withoutBound],
    ['breaches that stay', 'forget all breaches', () => ({ forgetBreaches: async () => 2 })],
    ['a seal that is passed over', 'find the first seal', p => ({ sealFrom: position => p.sealFrom(position + 1) })],
    ['a seal that stays as it was', 'keep a seal in place', sealedOnce],
    [
      'breaches that go with the seals',
      'forget all seals',
      p => ({ forgetSeals: () => p.forgetBreaches().then(() => p.forgetSeals()) }),
    ],
  ]

  function addedAgain(promises: Promises): Partial<Promises> {
    return { addBreach: one => promises.addBreach(one).then(() => true) }
  }
  function withoutBound(): Partial<Promises> {
    const kept: Breach[] = []
    return { addBreach: async one => kept.push(one) > 0, breaches: async () => kept }
  }
  function sealedOnce(promises: Promises): Partial<Promises> {
    return { seal: async one => void ((await promises.sealFrom(one.after)) ?? (await promises.seal(one))) }
  }

  for (const [bug, title, plant] of plants) {
    test(`the contract of promises catches ${bug}`, async () => {
      const { run } = promisesCases.find(one => one.title.startsWith(title))!
      const close = async () => {}
      await run({ promises: memoryPromises(), close })
      const promises = memoryPromises()
      await expect(run({ promises: { ...promises, ...plant(promises) }, close })).rejects.toThrow()
    })
  }
})
