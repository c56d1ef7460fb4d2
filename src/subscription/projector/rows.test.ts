import { afterEach, describe, expect, test } from 'bun:test'
import { memory } from '../../ports/store/memory.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { appendEvents, appendTally, rowsOf, startProcess } from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

afterEach(cleanUp)

describe('a projection', () => {
  test('a projection has the rows that its events give, also those that were there before it', async () => {
    const store = memory()
    await appendTally(store, { to: ['a', 'b'], n: 1 }, { to: ['a'], n: 2 })
    const { subscriptions } = await startProcess(store)
    await appendTally(store, { from: 'b' }, { to: ['c'], n: 5 })
    await untilProcessed(subscriptions, 4)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 2] }, c: { sum: 5, seen: [4] } })
  })

  test('a projection tells its position, and how far behind it is', async () => {
    const store = memory()
    const { subscriptions } = await startProcess(store)
    await appendTally(store, { to: ['a'], n: 1 })
    await untilProcessed(subscriptions, 1)
    expect(await subscriptions.status()).toMatchObject([
      { name: 'sums_v1', position: 1, lagEvents: 0, lagSeconds: 0, isOwner: true },
    ])
  })

  test('a projection does not wait for a position that nobody will reach in time', async () => {
    const { subscriptions } = await startProcess(memory())
    expect(await subscriptions.waitUntilProcessed(1, ['sums'], 10)).toBeFalse()
    expect(() => subscriptions.waitUntilProcessed(1, ['nobody'])).toThrow('no subscription nobody')
  })

  test('a projection passes over events of others, and its checkpoint follows', async () => {
    const store = memory()
    const { subscriptions } = await startProcess(store)
    await appendEvents(store, 'other-1', [{ id: 'x', type: 'Added', schema: 's', data: '{}', meta: '{}' }])
    await untilProcessed(subscriptions, 1)
    expect((await rowsOf(store)).rows).toEqual({})
  })
})
