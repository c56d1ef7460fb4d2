// Pages in a file: what waits shares a transaction, what the log can make again does not wait for the disk, and a long
// page stops nobody.
import type { Database } from 'bun:sqlite'
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { acquireLease, commitPage, everything, failureOf, orders, page, row } from '../../ports/read-model/contract/builders.ts'
import type { NewPage } from '../../ports/read-model/progress.ts'
import type { Store } from '../../ports/store/store.ts'
import { turnClock } from '../../lib/turns.ts'
import { measureStretches } from '../../test-support/stretches.ts'
import { cleanUp, cleanUpLater } from '../../test-support/cleanup.ts'
import { openLog, unit, watchConnections } from '../../test-support/sqlite.ts'

afterEach(cleanUp)

const tableOf = (i: number) => ({ ...orders, name: `orders_v${i}` })

/** A log with so many tables, each with a lease. */
async function openTables(many: number) {
  const { store, file } = await openLog()
  const { readModel } = store
  const tables = Array.from({ length: many }, (_, i) => tableOf(i))
  await readModel.prepare(tables)
  const leases = await Promise.all(tables.map(({ name }) => acquireLease(readModel, name)))
  const pageOf = (i: number, changed: Partial<NewPage> = {}) =>
    page({ name: tables[i]!.name, epoch: leases[i]!.epoch, rows: [row('o1', 1)], ...changed })
  return { store, file, readModel, pageOf }
}

/** How often a page did not wait for the disk. */
function countUnsynced(): () => number {
  let count = 0
  watchConnections(sql => {
    if (sql === 'pragma synchronous = normal') count++
    return sql
  })
  return () => count
}

const buildMany = (length = 3_000) => Array.from({ length }, (_, i) => row(`o${String(i).padStart(6, '0')}`, 1))
const keysOf = async ({ readModel }: Pick<Store, 'readModel'>, i = 0) =>
  (await readModel.list(tableOf(i), everything)).found.map(({ key }) => key)

describe('pages that wait', () => {
  test('pages that wait share a transaction, and one that cannot be written fails alone', async () => {
    const unsynced = countUnsynced()
    const { store, readModel, pageOf } = await openTables(102)
    const before = unsynced()
    const wrong = { rows: [{ ...row('o1', 1), data: new Uint8Array(1) as never }] }
    const pages = Array.from({ length: 102 }, (_, i) =>
      pageOf(i, { isRebuildable: true, ...(i === 50 && wrong), ...(i === 60 && { epoch: 99 }) }),
    )
    // A turn is never over.
    using _ = measureStretches()
    const outcomes = await Promise.allSettled(pages.map(one => readModel.commit(one)))
    expect(unsynced() - before).toBe(1)
    expect(outcomes[50]).toMatchObject({ status: 'rejected', reason: { name: 'PageRefused' } })
    expect(outcomes[60]).toEqual({ status: 'fulfilled', value: false })
    expect(outcomes.filter(({ status, ...one }) => status === 'fulfilled' && 'value' in one && one.value)).toHaveLength(100)
    for (const [i, keys] of [
      [0, ['o1']],
      [50, []],
      [60, []],
      [101, ['o1']],
    ] as const)
      expect(await keysOf(store, i)).toEqual([...keys])
    expect((await readModel.progress([tableOf(50).name, tableOf(51).name])).map(({ position }) => position)).toEqual([0, 10])
  })

  test('pages that wait fail all with the error of the file, and are written when it works again', async () => {
    const connections = watchConnections()
    const { store, readModel, pageOf } = await openTables(3)
    const db = connections.find(one => one.filename.endsWith('log.db'))!
    const pages = db.query<{ page_count: number }, []>('pragma page_count').get()!.page_count
    db.run(`pragma max_page_count = ${pages}`)
    const rows = [{ ...row('o1', 1), data: JSON.stringify('x'.repeat(100_000)) }]
    const failures = await Promise.all([0, 1, 2].map(i => failureOf(readModel.commit(pageOf(i, { rows, isRebuildable: true })))))
    expect(failures).toMatchObject([{ reason: 'full' }, { reason: 'full' }, { reason: 'full' }])
    db.run('pragma max_page_count = 1000000')
    for (const i of [0, 1, 2]) await commitPage(readModel, pageOf(i, { rows }))
    expect(await keysOf(store)).toEqual(['o1'])
  })

  test('pages that wait are synced where one of them cannot be made again, and appends always are', async () => {
    const unsynced = countUnsynced()
    const { store, readModel, pageOf } = await openTables(2)
    const levels: number[] = []
    const before = unsynced()
    const levelOf = (sql: unknown) =>
      void levels.push((sql as Database).query<{ synchronous: number }, []>('pragma synchronous').get()!.synchronous)
    const commitBoth = (isRebuildable: boolean, from: number, to: number) =>
      Promise.all([
        readModel.commit(pageOf(0, { from, to, isRebuildable: true, run: levelOf })),
        readModel.commit(pageOf(1, { from, to, isRebuildable })),
      ])
    expect(await commitBoth(false, 0, 10)).toEqual([true, true])
    expect([unsynced() - before, levels]).toEqual([0, [2]])
    expect(await commitBoth(true, 10, 20)).toEqual([true, true])
    expect([unsynced() - before, levels]).toEqual([1, [2, 1]])
    await store.append([unit('s-1', 0)])
    await readModel.commit(pageOf(0, { from: 20, to: 30, run: levelOf }))
    expect(levels.at(-1)).toBe(2)
  })
})

describe('a long page', () => {
  /** Holds a long page at its first turn. */
  async function openHeld(changed: Partial<NewPage> = {}) {
    const opened = await openTables(2)
    const clock = spyOn(turnClock, 'now').mockImplementation(() => clock.mock.calls.length * 1_000)
    cleanUpLater(() => clock.mockRestore())
    const committed = opened.readModel.commit(opened.pageOf(0, { rows: buildMany(), ...changed }))
    committed.catch(() => {})
    return { ...opened, committed }
  }

  test('a long page lets reads and appends go on, and readers see nothing of it before it is whole', async () => {
    const { store, readModel, committed, pageOf } = await openHeld()
    let isDone = false
    void committed.then(() => (isDone = true))
    const seen: number[] = []
    while (!isDone) {
      seen.push((await readModel.count(tableOf(0), [])).found)
      await new Promise(resolve => setImmediate(resolve))
    }
    expect(new Set(seen.slice(0, -1))).toEqual(new Set([0]))
    expect(seen.length).toBeGreaterThan(5)
    expect((await readModel.count(tableOf(0), [])).found).toBe(3_000)
    const next = readModel.commit(pageOf(0, { from: 10, to: 20, rows: buildMany() }))
    const [appended, other] = await Promise.all([store.append([unit('s-1', 0)]), readModel.commit(pageOf(1)), next])
    expect([appended[0]!.outcome, other]).toEqual(['appended', true])
  })

  test('a long page that cannot be written leaves nothing, and the next is written', async () => {
    const wrong = buildMany().map((one, i) => (i === 2_999 ? { ...one, data: new Uint8Array(1) as never } : one))
    const { store, readModel, committed, pageOf } = await openHeld({ rows: wrong })
    await expect(committed).rejects.toMatchObject({ name: 'PageRefused' })
    expect([await keysOf(store), (await readModel.progress([tableOf(0).name]))[0]!.position]).toEqual([[], 0])
    expect(await readModel.commit(pageOf(0, { epoch: 99, rows: buildMany() }))).toBeFalse()
    await commitPage(readModel, pageOf(0, { rows: buildMany() }))
    expect((await readModel.count(tableOf(0), [])).found).toBe(3_000)
  })
})
