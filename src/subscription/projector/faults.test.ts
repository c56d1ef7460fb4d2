import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { memory } from '../../ports/store/memory.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { until } from '../../test-support/servers/until.ts'
import { appendTally, foldLog, replaceReadModel, rowsOf, startProcess } from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

afterEach(cleanUp)

describe('a store that fails now and then', () => {
  test('a store that fails now and then keeps nobody waiting longer for having failed before', async () => {
    const store = memory()
    let isFailing = false
    const flaky = replaceReadModel(store, {
      commit: page => {
        if (!isFailing) return store.readModel.commit(page)
        isFailing = false
        return Promise.reject(new StoreError('unavailable', 'made to fail'))
      },
    })
    using waits = spyOn(globalThis, 'setTimeout')
    const { subscriptions } = await startProcess(flaky)
    for (let i = 1; i <= 12; i++) {
      isFailing = true
      await appendTally(store, { to: ['a'], n: 1 })
      await untilProcessed(subscriptions, i, ['sums'])
    }
    // Failures in a row are waited for twice as long each, up to 5 s: the seventh for 1.28 s, which nothing else waits for.
    expect(waits.mock.calls.map(([, ms]) => ms)).not.toContain(1_280)
  })
})

test('a store that fails for a while is reported once and once more as it is back, and shown meanwhile by who runs the subscription', async () => {
  const store = memory()
  let failures = 3
  const flaky = replaceReadModel(store, {
    commit: async page => {
      if (failures === 0) return store.readModel.commit(page)
      failures--
      throw new StoreError('unavailable', 'the disk is full')
    },
  })
  const { subscriptions, reported } = await startProcess(flaky)
  await appendTally(store, { to: ['a'], n: 1 })
  await until('it has failed', () => failures < 3)
  expect((await subscriptions.status()).map(({ failure }) => failure)).toEqual(['StoreError: the disk is full'])
  await untilProcessed(subscriptions, 1)
  expect((await subscriptions.status()).map(({ failure }) => failure)).toEqual([null])
  const fields = { subscription: 'sums_v1' }
  expect(reported).toMatchObject([
    {
      level: 'warn',
      code: 'retry-began',
      message: expect.stringContaining('sums_v1 could not go on: the disk is full.'),
      fields,
    },
    { level: 'info', code: 'retry-ended', fields: { ...fields, failures: 3 } },
  ])
  expect(await store.readModel.parked()).toEqual([])
})

describe('a row that was damaged', () => {
  for (const [what, damaged] of [
    ['is no JSON', '{"sum":1,'],
    ['does not fit its schema', '{"sum":"1","seen":[]}'],
  ] as const) {
    test(`a row that was damaged parks its key where it ${what}, and is folded from the beginning once it is unparked`, async () => {
      const store = memory()
      const first = await startProcess(store)
      await appendTally(store, { to: ['a', 'b'], n: 1 })
      await untilProcessed(first.subscriptions, 1)
      await first.subscriptions.close()
      const corrupt = replaceReadModel(store, {
        rows: async (...of) =>
          (await store.readModel.rows(...of)).map(row => (row.key === 'a' ? { ...row, data: damaged } : row)),
      })
      const { subscriptions, reported } = await startProcess(corrupt)
      await appendTally(store, { to: ['a', 'b'], n: 2 })
      await untilProcessed(subscriptions, 2)
      expect(await store.readModel.parked()).toMatchObject([
        { kind: 'key', key: 'a', position: 2, cause: expect.stringContaining('sums_v1: the row a cannot be read') },
      ])
      expect(reported).toMatchObject([{ code: 'key-parked', fields: { key: 'a', position: 2 } }])
      await store.readModel.unpark('sums_v1', 'a')
      await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
      expect((await rowsOf(store)).rows).toEqual(await foldLog(store, 2))
    })
  }
})
