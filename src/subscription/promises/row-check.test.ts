// What may happen while rows are compared, and is no breach.
import { afterEach, describe, expect, test } from 'bun:test'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { RowResult } from '../../ports/read-model/rows.ts'
import type { Store } from '../../ports/store/store.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { inMemory, type WatchedApp, watchedApp } from '../../test-support/watched-app.ts'
import { RowCheck } from './row-check.ts'

afterEach(cleanUp)

/** A check of the rows of things. `get` reads a row in place of the store. Gives the keys that it found. */
async function check({ services, store }: WatchedApp, get: ReadModel['get'], many = 1): Promise<readonly string[]> {
  const found: string[] = []
  const readModel: ReadModel = { ...store.readModel, get }
  const read: Pick<Store, 'readAll' | 'readModel' | 'typesAt'> = {
    readAll: options => store.readAll(options),
    typesAt: places => store.typesAt(places),
    readModel,
  }
  const serving = () => [services.subscriptions.versionsOf('things').serving!]
  const rows = new RowCheck({ store: read, serving, addBreach: async ({ subject }) => void found.push(subject), random: () => 0 })
  for (let i = 0; i < many; i++) await rows.step()
  return found
}

describe('a check of rows', () => {
  test('a check of rows finds each row that is not as its events say', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 50)
    const { readModel } = app.store
    const others: ReadModel['get'] = async (table, key, streams) => {
      const read = await readModel.get(table, key, streams)
      return { ...read, found: read.found && { ...read.found, data: '{}' } }
    }
    expect((await check(app, others)).length).toBe(20)
    expect(await check(app, readModel.get)).toEqual([])
  })

  test('a check of rows passes over rows that events changed after it had folded them', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 50)
    let from = 50
    const grows: ReadModel['get'] = async (table, key, streams) => {
      await app.fill(from, from + 20)
      from += 20
      return app.store.readModel.get(table, key, streams)
    }
    expect(await check(app, grows)).toEqual([])
  })

  test('a check of rows passes over a row that is gone, if events came after it had folded them', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 50)
    const removed: ReadModel['get'] = async (table, key, streams) => {
      const read = await app.store.readModel.get(table, key, streams)
      return { ...read, found: null, position: read.position + 1 }
    }
    expect(await check(app, removed)).toEqual([])
    const gone: ReadModel['get'] = async (table, key, streams) => ({
      ...(await app.store.readModel.get(table, key, streams)),
      found: null,
    })
    expect((await check(app, gone)).length).toBe(20)
  })

  test('a check of rows passes over a table that is emptied and filled again meanwhile', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 30)
    const { readModel } = app.store
    const table = app.services.subscriptions.versionsOf('things').serving!.table
    const early = new Map<string, RowResult>(
      await Promise.all(Array.from({ length: 20 }, async (_, i) => [`t${i}`, await readModel.get(table, `t${i}`)] as const)),
    )
    await app.fill(30, 60)
    expect(await check(app, async (_, key) => early.get(key)!)).toEqual([])
  })

  test('a check of rows passes over a parked row', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 30)
    const parked: ReadModel['get'] = async (table, key) => ({
      ...(await app.store.readModel.get(table, key)),
      found: null,
      parked: 7,
    })
    expect(await check(app, parked)).toEqual([])
  })

  test('a check of rows takes several steps over a long log, and finds at its end what is wrong', async () => {
    const app = await watchedApp(await inMemory())
    await app.fill(0, 8_500)
    const wrong: ReadModel['get'] = async (table, key) => ({ ...(await app.store.readModel.get(table, key)), found: null })
    expect(await check(app, wrong, 1)).toEqual([])
    expect((await check(app, wrong, 2)).length).toBe(20)
  }, 60_000)
})
