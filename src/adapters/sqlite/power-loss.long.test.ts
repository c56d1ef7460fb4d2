// A loss of power: the disk has what was synced, and any part of what was written to the log file after that.
import { afterEach, expect, test } from 'bun:test'
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { acquireLease, commitPage, everything, orders, page, row } from '../../ports/read-model/contract/builders.ts'
import { cleanUp } from '../../test-support/cleanup.ts'
import { newFolder, openLog, openStore, unit } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

/** The size of a frame in the write-ahead log: a page and its header. */
const FRAME = 4_096 + 24

/** Copies a log as the disk may have it: with so many bytes of its write-ahead log. */
function copyAfterLoss(file: string, bytes: number): string {
  const copy = join(newFolder(), 'log.db')
  copyFileSync(file, copy)
  writeFileSync(`${copy}-wal`, readFileSync(`${file}-wal`).subarray(0, bytes))
  return copy
}

/** What is in a log after a loss. */
async function readAfterLoss(copy: string) {
  const store = await openStore(copy, { migrate: false })
  const { found, position } = await store.readModel.list(orders, everything)
  const events = await store.readAll({ after: 0, limit: 100 })
  await store.close()
  return { events: events.length, position, keys: found.map(({ key, position }) => `${key} ${position}`) }
}

test('after a loss of power every appended event is there, and the rows are those of an earlier checkpoint', async () => {
  const { store, file } = await openLog()
  const { readModel } = store
  await readModel.prepare([orders])
  const { epoch } = await acquireLease(readModel, 'orders_v1')
  const positions = new Set<number>()
  for (let to = 1; to <= 4; to++) {
    await store.append([unit(`s-${to}`, 0)])
    const synced = statSync(`${file}-wal`).size
    const rows = [row('last', to), row(`o${to}`, to)].toSorted((one, other) => (one.key < other.key ? -1 : 1))
    await commitPage(readModel, page({ epoch, from: to - 1, to, rows, isRebuildable: true }))
    const written = statSync(`${file}-wal`).size
    for (let bytes = synced; bytes <= written; bytes += FRAME / 2) {
      const { events, position, keys } = await readAfterLoss(copyAfterLoss(file, bytes))
      expect(events, `with ${bytes} of ${written} bytes`).toBe(to)
      // The append has brought all earlier pages to the disk.
      expect([to - 1, to]).toContain(position)
      const first = position === 0 ? [] : [`last ${position}`]
      expect(keys).toEqual([...first, ...Array.from({ length: position }, (_, i) => `o${i + 1} ${i + 1}`)])
      positions.add(position)
    }
  }
  expect([...positions]).toEqual([0, 1, 2, 3, 4])
})
