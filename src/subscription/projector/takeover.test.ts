import { afterEach, describe, expect, test } from 'bun:test'
import { memory } from '../../ports/store/memory.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { until } from '../../test-support/servers/until.ts'
import {
  type ProjectingProcess,
  appendTally,
  faults,
  replaceReadModel,
  rowsOf,
  startProcess,
  sums,
} from '../../test-support/tally.ts'
import { untilProcessed } from '../../test-support/until-processed.ts'

afterEach(cleanUp)

describe('a process that loses its lease', () => {
  test('a process that loses its lease writes nothing any more, and the next owner goes on', async () => {
    const store = memory()
    const first = await startProcess(store, sums, 30)
    await appendTally(store, { to: ['a'], n: 1 })
    await untilProcessed(first.subscriptions, 1)
    // It is taken over as if its time had run out, unseen by the first.
    const [before] = await store.readModel.progress(['sums_v1'])
    await store.readModel.release('sums_v1', before!.epoch)
    const second = await store.readModel.acquire('sums_v1', { owner: 'second', ttlMs: 60_000, start: 0 })
    expect(second?.epoch).toBeGreaterThan(before!.epoch)
    await appendTally(store, { to: ['a'], n: 2 })
    await until('the first has noticed', () => !first.subscriptions.versionsOf('sums').subscriptions[0]!.isOwner)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
    await store.readModel.release('sums_v1', second!.epoch)
    await untilProcessed(first.subscriptions, 2)
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 3, seen: [1, 2] } })
  })

  test('a process that died of an event three times leaves it parked', async () => {
    const store = memory()
    await appendTally(store, { to: ['a'], n: 1 }, { to: ['b'], n: 2 })
    // Three owners that end without a word, the last while it folds b.
    for (let i = 0; i < 4; i++) {
      const lease = await store.readModel.acquire('sums_v1', { owner: `dead ${i}`, ttlMs: 1, start: 0 })
      if (lease!.takeovers >= 3) await store.readModel.suspect('sums_v1', lease!.epoch, { position: 2, key: 'b', times: 2 })
      await Bun.sleep(2)
    }
    const { subscriptions } = await startProcess(store)
    await untilProcessed(subscriptions, 2)
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'b', position: 2 }])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
  })

  test('a process that takes over parks nothing of what one owner was at when it ended, however often others did elsewhere', async () => {
    const store = memory()
    await appendTally(store, { to: ['a'], n: 1 }, { to: ['b'], n: 2 })
    for (let i = 0; i < 6; i++) {
      const lease = await store.readModel.acquire('sums_v1', { owner: `slow ${i}`, ttlMs: 1, start: 0 })
      const at = i % 2 ? { position: 1, key: 'a' } : { position: 2, key: 'b' }
      await store.readModel.suspect('sums_v1', lease!.epoch, { ...at, times: 1 })
      await Bun.sleep(2)
    }
    const { subscriptions } = await startProcess(store)
    await untilProcessed(subscriptions, 2)
    expect(await store.readModel.parked()).toEqual([])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] }, b: { sum: 2, seen: [2] } })
  })

  test('a process does not take over from itself: a store that was away for a moment makes nothing suspect', async () => {
    const store = memory()
    await appendTally(store, { to: ['a'], n: 1 })
    for (let i = 0; i < 4; i++) {
      await store.readModel.acquire('sums_v1', { owner: `dead ${i}`, ttlMs: 1, start: 0 })
      await Bun.sleep(2)
    }
    // From now on events are folded one by one, each being told of before.
    let suspects = 0
    const flaky = replaceReadModel(store, {
      suspect: async (...of) => {
        const suspect = await store.readModel.suspect(...of)
        if (of[2]?.key === 'a' && suspects++ === 0) throw new StoreError('unavailable', 'away for a moment')
        return suspect
      },
    })
    const { subscriptions } = await startProcess(flaky)
    await untilProcessed(subscriptions, 1)
    expect(suspects).toBeGreaterThan(1)
    expect(await store.readModel.parked()).toEqual([])
    expect((await rowsOf(store)).rows).toEqual({ a: { sum: 1, seen: [1] } })
  })

  test('a process gets past what kills it, however far behind its checkpoint that is', async () => {
    const store = memory()
    const many = Array.from({ length: 7_000 }, (_, i) => ({ to: [`${i % 700}`], n: 1 }))
    await appendTally(store, ...many, { to: ['deadly'], n: 16 }, { to: ['after'], n: 1 })
    let at: ProjectingProcess | null = null
    faults.die = () => {
      at?.kill()
      throw new Error('dead')
    }
    for (let lives = 1; (await store.readModel.parked()).length === 0; lives++) {
      expect(lives).toBeLessThan(12)
      at = await startProcess(store, sums, 20)
      const { isDead, subscriptions } = at
      await until(
        'it died, or got over it',
        () => isDead() || subscriptions.versionsOf('sums').subscriptions[0]!.position === 7_002,
      )
    }
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'deadly', position: 7_001 }])
    expect(Object.keys((await rowsOf(store)).rows)).toHaveLength(701)
  })
})
