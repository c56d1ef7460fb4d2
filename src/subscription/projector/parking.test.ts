import { afterEach, describe, expect, test } from 'bun:test'
import type { StoredRow } from '../../ports/read-model/rows.ts'
import { memory } from '../../ports/store/memory.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { until } from '../../test-support/servers/until.ts'
import { appendEvents, appendTally, faults, foldLog, nextStream, rowsOf, startProcess } from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

afterEach(cleanUp)

describe('an event that cannot be folded', () => {
  for (const [what, n] of [
    ['throws', 13],
    ['gives a promise', 14],
    ['gives what is no row', 15],
  ] as const) {
    test(`an event that cannot be folded parks its key where its fold ${what}, and the others go on`, async () => {
      const store = memory()
      const { subscriptions } = await startProcess(store)
      await appendTally(store, { to: ['a', 'b'], n: 1 })
      await untilProcessed(subscriptions, 1)
      await appendTally(store, { to: ['a'], n }, { to: ['a', 'b'], n: 2 })
      await untilProcessed(subscriptions, 3)
      const { rows, found } = await rowsOf(store)
      expect(rows).toEqual({ a: { sum: 1, seen: [1] }, b: { sum: 3, seen: [1, 3] } })
      expect(found.map(({ parked }: StoredRow) => parked)).toEqual([2, null])
      expect(await store.readModel.parked()).toMatchObject([{ name: 'sums_v1', kind: 'key', key: 'a', again: null }])
    })
  }

  test('an event that cannot be folded is folded again, in order and before newer ones, once its fold is mended and it is unparked', async () => {
    const store = memory()
    const { subscriptions } = await startProcess(store)
    await appendTally(store, { to: ['a', 'b'], n: 1 }, { to: ['a'], n: 13 }, { to: ['a', 'b'], n: 2 })
    await untilProcessed(subscriptions, 3)
    expect(await store.readModel.unpark('sums_v1')).toBe(1)
    await until('it failed again', async () => (await store.readModel.parked())[0]?.again === null)
    faults.isMended = true
    await store.readModel.unpark('sums_v1', 'a')
    await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    await appendTally(store, { to: ['a'], n: 4 })
    await untilProcessed(subscriptions, 4)
    const { rows, position } = await rowsOf(store)
    expect(rows).toEqual(await foldLog(store, position))
  })

  test('an event that cannot be folded is passed over where it is skipped, and what came after it is folded', async () => {
    const store = memory()
    const { subscriptions } = await startProcess(store)
    await appendTally(store, { to: ['a'], n: 1 }, { to: ['a'], n: 13 }, { to: ['a'], n: 2 })
    await untilProcessed(subscriptions, 3)
    await store.readModel.unpark('sums_v1', 'a', 'skip')
    await until('nothing is parked', async () => (await store.readModel.parked()).length === 0)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 3] } })
  })

  test('an event that cannot be read parks its stream', async () => {
    const store = memory()
    const { subscriptions } = await startProcess(store)
    const stream = nextStream(1)
    await appendEvents(store, stream, [{ id: 'x', type: 'Added', schema: 'old', data: '{"to":7}', meta: '{}' }])
    await untilProcessed(subscriptions, 1)
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'stream', key: stream, position: 1 }])
    await appendTally(store, { to: ['lost'], n: 1 })
    await appendTally(store, { to: ['b'], n: 1 })
    await untilProcessed(subscriptions, 3)
    expect((await rowsOf(store)).rows).toEqual({ b: { sum: 1, seen: [3] } })
  })
})
