import { afterEach, describe, expect, test } from 'bun:test'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeContract } from '../../ports/store/contract/index.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { sqlite } from './store.ts'
import { copyEmptyLog, failureOf, newFolder, openStore, unit, watchConnections } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

storeContract('SQLite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-sqlite-'))
  const file = await copyEmptyLog(folder)
  let ahead = 0
  const open = async () => {
    const store = sqlite(file, { now: () => Date.now() + ahead })
    await store.open()
    return store
  }
  let current = await open()
  return {
    store: current,
    reopen: async () => {
      await current.close()
      current = await open()
      return current
    },
    advance: ms => {
      ahead += ms
    },
    close: async () => {
      await current.close()
      rmSync(folder, { recursive: true })
    },
  }
})

describe('opening a SQLite store', () => {
  test('opening a SQLite store makes the folder, and closing it leaves the file and the lock beside it alone', async () => {
    const file = join(newFolder(), 'a', 'b', 'log.db')
    const store = await openStore(file)
    await store.append([unit('s-1', 0)])
    await store.close()
    expect(readdirSync(join(file, '..')).toSorted()).toEqual(['log.db', 'log.db-serving'])
    await store.open()
    expect(await store.head()).toBe(1)
  })

  test('opening a SQLite store refuses :memory: and an empty name', () => {
    for (const file of [':memory:', '']) expect(() => sqlite(file)).toThrow('wants a file')
  })

  test('opening a SQLite store reads back that the file is in WAL mode and that each commit is synced', async () => {
    const connections = watchConnections()
    await openStore(join(newFolder(), 'log.db'))
    const store = connections.at(-1)!
    expect(store.query('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(store.query('pragma synchronous').get()).toEqual({ synchronous: 2 })
    expect(store.query('pragma busy_timeout').get()).toEqual({ timeout: 0 })
  })

  for (const ignored of ['pragma journal_mode = wal', 'pragma synchronous = full']) {
    test(`opening a SQLite store refuses a file on which "${ignored}" has no effect`, async () => {
      watchConnections(sql => (sql === ignored ? sql.replace(/wal|full/, word => (word === 'wal' ? 'delete' : 'normal')) : sql))
      const error = await failureOf(sqlite(join(newFolder(), 'log.db')).open())
      expect(error).toMatchObject({ reason: 'refused', message: expect.stringContaining('cannot be made durable') })
    })
  }

  test('opening a SQLite store lets go of the file when it fails, so that it can be tried again', async () => {
    const file = join(newFolder(), 'log.db')
    mkdirSync(file)
    const store = sqlite(file)
    for (let i = 0; i < 2; i++)
      expect(await failureOf(store.open())).toMatchObject({ reason: 'unavailable', message: expect.stringContaining('CANTOPEN') })
    rmSync(file, { recursive: true })
    await openStore(file)
  })

  test('a SQLite store is unavailable where its folder cannot be made', async () => {
    const base = newFolder()
    writeFileSync(join(base, 'a-file'), '')
    expect(await failureOf(sqlite(join(base, 'a-file', 'log.db')).open())).toMatchObject({ reason: 'unavailable' })
  })

  test('opening a SQLite store is refused for a file that is no database', async () => {
    const file = join(newFolder(), 'log.db')
    writeFileSync(file, 'not a database, but long enough to be looked at. '.repeat(100))
    expect(await failureOf(sqlite(file).open())).toMatchObject({ reason: 'refused', message: expect.stringContaining(file) })
  })

  test('a SQLite store that is not open, or closed, is unavailable', async () => {
    const store = sqlite(join(newFolder(), 'log.db'))
    for (const call of [() => store.head(), () => store.append([unit('s-1', 0)]), () => store.ping()])
      expect(await failureOf(call())).toMatchObject({ reason: 'unavailable' })
    await store.open()
    await store.close()
    expect(await failureOf(store.append([unit('s-1', 0)]))).toMatchObject({ reason: 'unavailable' })
  })
})
