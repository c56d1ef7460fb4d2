// A file that is moved, deleted, replaced or served under another name while it is open.
import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { copyFileSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { canMount, mount } from '../../test-support/file-systems.ts'
import { failureOf, newFolder, openLog, openStore, unit } from '../../test-support/sqlite.ts'
import { sqlite } from './store.ts'

afterEach(cleanUp)

const lost: Readonly<Record<string, (file: string) => void>> = {
  'is moved': file => renameSync(file, `${file}-elsewhere`),
  'is deleted': file => unlinkSync(file),
  'is replaced by a copy': file => {
    copyFileSync(file, `${file}-copy`)
    renameSync(`${file}-copy`, file)
  },
  'has lost its write-ahead log': file => unlinkSync(`${file}-wal`),
  'has another write-ahead log': file => {
    unlinkSync(`${file}-wal`)
    writeFileSync(`${file}-wal`, '')
  },
  'is moved with its folder': file => renameSync(dirname(file), `${dirname(file)}-elsewhere`),
}

/** What keeps others out, and holds no commit. */
const unguarded: Readonly<Record<string, (file: string) => void>> = {
  'has lost its index of the write-ahead log': file => unlinkSync(`${file}-shm`),
  'has lost its lock': file => unlinkSync(`${file}-serving`),
}

/** A log in a folder of its own, with an event. */
async function openInFolder() {
  const file = join(newFolder(), 'data', 'log.db')
  mkdirSync(dirname(file))
  const store = await openStore(file)
  await store.append([unit('s-1', 0)])
  return { file, store }
}
const gone = { name: 'StoreError', reason: 'unavailable', shown: 'the file of the log was moved, deleted or replaced' }

describe.each(Object.entries(lost))('a file that %s while it is served', (_, lose) => {
  test('answers no append as done, from the first one on', async () => {
    const { file, store } = await openInFolder()
    lose(file)
    expect(await failureOf(store.append([unit('s-1', 1)]))).toMatchObject({ ...gone, reason: 'unknown' })
    expect(await failureOf(store.append([unit('s-1', 2)]))).toMatchObject(gone)
    expect(await failureOf(store.ping())).toMatchObject(gone)
  })
})

describe.each(Object.entries({ ...lost, ...unguarded }))('a file that %s while it is served', (_, lose) => {
  test('is noticed by the next check, after which no append writes, and reads go on', async () => {
    const { file, store } = await openInFolder()
    lose(file)
    expect(await failureOf(store.ping())).toMatchObject(gone)
    expect(await failureOf(store.append([unit('s-1', 1)]))).toMatchObject(gone)
    expect(await store.head()).toBe(1)
    expect(await failureOf(store.saveSnapshots([{ stream: 's-1', fold: 1, version: 1, state: '{}' }]))).toMatchObject({
      name: 'StoreError',
      reason: 'unknown',
    })
  })
})

describe('a file that is served', () => {
  test('is lost for good once it was away, because somebody may have served it there', async () => {
    const { file, store } = await openInFolder()
    renameSync(file, `${file}-elsewhere`)
    expect(await failureOf(store.ping())).toMatchObject(gone)
    renameSync(`${file}-elsewhere`, file)
    expect(await failureOf(store.ping())).toMatchObject(gone)
    await store.close()
    await store.open()
    expect(await store.append([unit('s-1', 1)])).toMatchObject([{ outcome: 'appended' }])
  })

  test('takes no appends while it has a second name, and takes them once that is removed', async () => {
    const { file, store } = await openInFolder()
    linkSync(file, `${file}-second`)
    expect(await failureOf(store.ping())).toMatchObject({ reason: 'unavailable', shown: 'the file of the log has a second name' })
    expect(await failureOf(store.append([unit('s-1', 1)]))).toMatchObject({ reason: 'unavailable' })
    expect(await failureOf(sqlite(`${file}-second`).open())).toMatchObject({ reason: 'refused' })
    unlinkSync(`${file}-second`)
    await store.ping()
    expect(await store.append([unit('s-1', 1)])).toMatchObject([{ outcome: 'appended' }])
  })

  test('is lost when the link by which it was opened leads elsewhere', async () => {
    const { file } = await openInFolder()
    const link = `${file}-link`
    symlinkSync(file, link)
    const store = await openStore(link, { exclusive: false })
    unlinkSync(link)
    writeFileSync(`${file}-other`, '')
    symlinkSync(`${file}-other`, link)
    expect(await failureOf(store.append([unit('s-1', 1)]))).toMatchObject({ reason: 'unknown' })
  })

  test('stays in its place while others read, write, checkpoint and vacuum it', async () => {
    const { file, store } = await openInFolder()
    const beside = new Database(file)
    for (const sql of ['create table theirs (n)', 'pragma wal_checkpoint(truncate)', 'vacuum', 'pragma optimize']) {
      beside.run(sql)
      await store.ping()
    }
    beside.close()
    const second = await openStore(file, { exclusive: false })
    await second.append([unit('s-1', 1)])
    await second.close()
    await store.ping()
    expect(await store.append([unit('s-1', 2)])).toMatchObject([{ outcome: 'appended' }])
  })
})

describe('opening a file', () => {
  test('a file with a second name is refused', async () => {
    const { store, file } = await openLog()
    await store.close()
    linkSync(file, `${file}-second`)
    for (const name of [file, `${file}-second`])
      expect(await failureOf(sqlite(name).open())).toMatchObject({
        reason: 'refused',
        message: expect.stringContaining('has a second name (a hard link)'),
      })
  })

  test('a file that a link makes is locked for its own name too', async () => {
    const file = join(newFolder(), 'log.db')
    symlinkSync(file, `${file}-link`)
    await openStore(`${file}-link`)
    for (const name of [file, `${file}-link`])
      expect(await failureOf(sqlite(name).open())).toMatchObject({
        reason: 'refused',
        message: expect.stringContaining('already served'),
      })
  })

  test.skipIf(!canMount())(
    'a file that is mounted by itself is refused, because its write-ahead log would be elsewhere',
    async () => {
      const { store, file } = await openLog()
      await store.close()
      const target = join(newFolder(), 'with space.db')
      writeFileSync(target, '')
      mount('--bind', file, target)
      cleanUpLater(() => Bun.spawnSync(['umount', target]))
      expect(await failureOf(sqlite(target).open())).toMatchObject({
        reason: 'refused',
        message: `${target} is mounted by itself: mount its folder, because SQLite keeps files beside it`,
      })
      rmSync(file, { force: true })
    },
  )
})
