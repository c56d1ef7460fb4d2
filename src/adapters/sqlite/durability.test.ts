import { afterEach, describe, expect, test } from 'bun:test'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreError } from '../../ports/store/errors.ts'
import type { Store } from '../../ports/store/store.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { reasonOf, storeError } from './errors.ts'
import { sqlite } from './store.ts'
import { failureOf, newFolder, openLog, openStore, unit, watchConnections } from '../../test-support/sqlite.ts'
import { canMount, mount, mountFolder } from '../../test-support/file-systems.ts'

afterEach(cleanUp)

describe('an append on a full disk', () => {
  test('an append on a full disk says that there is no room, reads go on, and it works again when there is', async () => {
    const connections = watchConnections()
    const { store } = await openLog()
    const db = connections.at(-1)!
    const pages = db.query<{ page_count: number }, []>('pragma page_count').get()!.page_count
    db.run(`pragma max_page_count = ${pages + 10}`)
    await fullThenRoom(store, async () => db.run('pragma max_page_count = 1000000'))
  })

  test.skipIf(!canMount())(
    'an append on a real full disk says that there is no room, reads go on, and it works again when there is',
    async () => {
      const disk = mountFolder('size=1m')
      writeFileSync(join(disk, 'ballast'), new Uint8Array(400_000))
      const store = await openStore(join(disk, 'log.db'))
      await fullThenRoom(store, async () => rmSync(join(disk, 'ballast')))
    },
  )

  async function fullThenRoom(store: Store, makeRoom: () => Promise<unknown>): Promise<void> {
    let answered = 0
    const fill = async () => {
      while (answered < 1_000) {
        await store.append([unit('s-1', answered, 1, 20_000)])
        answered++
      }
    }
    expect(await failureOf(fill())).toMatchObject({ reason: 'full' })
    expect(answered).toBeLessThan(1_000)
    expect(await failureOf(store.append([unit('s-1', answered, 1, 20_000)]))).toMatchObject({ reason: 'full' })
    expect(await store.readAll({ after: 0, limit: 1_000 })).toHaveLength(answered)
    await makeRoom()
    expect(await store.append([unit('s-1', answered, 1, 20_000)])).toMatchObject([{ outcome: 'appended' }])
    expect(await store.head()).toBe(answered + 1)
  }
})

describe('a file that cannot be written', () => {
  test.skipIf(process.getuid?.() === 0 && !canMount())(
    'a file that cannot be written is unavailable, and serves again when it can',
    async () => {
      // Root may write to what is read-only by its mode, but not to a file system that is.
      const root = process.getuid?.() === 0
      const disk = root ? mountFolder('size=4m') : newFolder()
      const file = join(disk, 'log.db')
      const store = await openStore(file)
      await store.append([unit('s-1', 0)])
      await store.close()
      const unlock = root ? () => mount('-o', 'remount,rw', disk) : () => chmodSync(disk, 0o700)
      if (root) mount('-o', 'remount,ro', disk)
      else chmodSync(disk, 0o500)
      cleanUpLater(unlock)
      expect(await failureOf(sqlite(file).open())).toMatchObject({ reason: 'unavailable' })
      expect(await failureOf(sqlite(file, { exclusive: false }).open())).toMatchObject({ reason: 'unavailable' })
      unlock()
      await store.open()
      expect(await store.append([unit('s-1', 1)])).toMatchObject([{ outcome: 'appended' }])
    },
  )

  const reasons = {
    SQLITE_FULL: 'full',
    ENOSPC: 'full',
    SQLITE_READONLY_DIRECTORY: 'unavailable',
    SQLITE_IOERR_READ: 'unavailable',
    SQLITE_IOERR_FSYNC: 'unknown',
    SQLITE_CANTOPEN: 'unavailable',
    SQLITE_BUSY_SNAPSHOT: 'unavailable',
    EACCES: 'unavailable',
    SQLITE_CORRUPT: 'refused',
    SQLITE_TOOBIG: 'refused',
    SQLITE_CONSTRAINT_TRIGGER: 'refused',
  }
  test.each(Object.entries(reasons))('an error of SQLite with code %s means %s', (code, reason) => {
    expect(reasonOf(code)).toBe(reason as StoreError['reason'])
  })

  test('an error that does not concern the file is left as it is', () => {
    const error = new TypeError('ours')
    expect(storeError('log.db', error)).toBe(error)
  })
})
