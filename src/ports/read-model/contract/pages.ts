// Rows and checkpoint are committed together, and only by the owner of the lease.
import { filterByValues } from '../filter.ts'
import { expect } from 'bun:test'
import type { Parked } from '../parked.ts'
import { measureStretches } from '../../../test-support/stretches.ts'
import type { ReadModel } from '../read-model.ts'
import type { StoredRow } from '../rows.ts'
import type { ReadModelCase } from './case.ts'
import { CALLERS, TTL_MS, acquireLease, commitPage, everything, orders, page, buildParked, row, storedRow } from './builders.ts'

export const pages: readonly ReadModelCase[] = [
  {
    title: 'writes a page: rows as they are, those without data away, and the checkpoint with them',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      await commitPage(readModel, page({ epoch, rows: [row('o1', 1), row('o2', 2), row('o3', 3)] }))
      const changed = { ...row('o2', 12), data: '{"changed":true}', fields: ['paid', null] }
      const removed = { ...row('o1', 11), data: null }
      const absent = { ...row('o0', 11), data: null }
      await commitPage(readModel, page({ epoch, from: 10, to: 20, rows: [absent, removed, changed, row('o4', 13)] }))
      const reopened = await reopen()
      const { found, position } = await reopened.list(orders, everything)
      expect(position).toBe(20)
      expect(found).toEqual([
        { key: 'o2', position: 12, data: '{"changed":true}', parked: null },
        storedRow('o3', 3),
        storedRow('o4', 13),
      ])
      expect((await reopened.count(orders, filterByValues({ status: 'paid' }))).found).toBe(1)
      expect((await reopened.count(orders, filterByValues({ total: null }))).found).toBe(1)
      expect((await reopened.count(orders, filterByValues({ total: 2 }))).found).toBe(0)
    },
  },
  {
    title: 'writes a page of many rows in turns of the event loop',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      using stretches = measureStretches()
      const rows = Array.from({ length: 7_000 }, (_, i) => ({
        ...row(`o${String(i).padStart(6, '0')}`, 1),
        // Each use of a row is some work.
        get fields() {
          stretches.work(1 / 64)
          return ['new', 1]
        },
      }))
      await commitPage(readModel, page({ epoch, rows }))
      // One statement takes 2 000 rows at most. All rows together are more than 140.
      expect(stretches.longest).toBeLessThan(120)
      expect((await readModel.count(orders, filterByValues({ status: 'new' }))).found).toBe(7_000)
    },
  },
  {
    title: 'moves the checkpoint where there is nothing to write, and of a subscription that has no table',
    run: async ({ readModel }) => {
      const { epoch } = await acquireLease(readModel, 'Not a table: 絵')
      await commitPage(readModel, page({ name: 'Not a table: 絵', epoch }))
      const [progress, ...more] = await readModel.progress()
      expect(more).toEqual([])
      expect(progress).toMatchObject({ name: 'Not a table: 絵', position: 10, epoch })
      expect(new Date(progress!.savedAt).toISOString()).toBe(progress!.savedAt)
    },
  },
  {
    title: 'writes nothing where the epoch or the checkpoint is another, whichever it is',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      await commitPage(readModel, page({ epoch, rows: [row('o1', 1)], park: [buildParked('p')] }))
      const before = await readEverything(readModel)
      const wrong = {
        rows: [{ ...row('o1', 11), data: null }, row('o2', 11)],
        park: [buildParked('q')],
        unpark: [buildParked('p')],
        to: 30,
      }
      for (const changed of [
        { from: 0 },
        { from: 9 },
        { from: 11 },
        { epoch: epoch - 1 },
        { epoch: epoch + 1 },
        { name: 'other' },
      ])
        expect(
          await readModel.commit(page({ epoch, from: 10, ...wrong, ...changed, ...(changed.name && { rows: [] }) })),
        ).toBeFalse()
      expect(await readEverything(readModel)).toEqual(before)
    },
  },
  {
    title: 'refuses an owner that was taken over: nothing is written, whichever of the two comes first',
    run: async ({ readModel, advance }) => {
      await readModel.prepare([orders])
      const zombie = await acquireLease(readModel, 'orders_v1', 'a')
      await commitPage(readModel, page({ epoch: zombie.epoch, rows: [row('o1', 1)] }))
      await advance(TTL_MS + 1)
      const owner = await acquireLease(readModel, 'orders_v1', 'b')
      expect(await readModel.commit(page({ epoch: zombie.epoch, from: 10, to: 20, rows: [row('z', 11)] }))).toBeFalse()
      await commitPage(readModel, page({ epoch: owner.epoch, from: 10, to: 20, rows: [row('o2', 11)] }))
      expect(await readModel.commit(page({ epoch: zombie.epoch, from: 20, to: 30, rows: [row('z', 21)] }))).toBeFalse()
      expect(await readModel.renew('orders_v1', zombie.epoch, TTL_MS)).toBeFalse()
      const { found, position } = await readModel.list(orders, everything)
      expect([found.map(({ key }) => key), position]).toEqual([['o1', 'o2'], 20])
    },
  },
  {
    title: `takes exactly one of ${CALLERS} pages that make the same step`,
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      for (let step = 0; step < 5; step++) {
        const outcomes = await Promise.all(
          Array.from({ length: CALLERS }, (_, i) =>
            readModel.commit(
              page({ epoch, from: step * 10, to: step * 10 + 10, rows: [{ ...row(`o${step}`, step * 10 + 1), data: `${i}` }] }),
            ),
          ),
        )
        expect(outcomes.filter(Boolean)).toEqual([true])
        expect((await readModel.get(orders, `o${step}`)).found?.data).toBe(`${outcomes.indexOf(true)}`)
      }
    },
  },
  {
    title: 'writes many rows at once as it writes a few, and over those that are there',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const buildRows = (position: number, step: number) =>
        Array.from({ length: 12_000 }, (_, i) => i)
          .filter(i => i % step === 0)
          .map(i => ({ ...row(`k${String(i).padStart(6, '0')}`, position), data: i % 7 || position === 1 ? `{"n":${i}}` : null }))
      await commitPage(readModel, page({ epoch, rows: buildRows(1, 1) }))
      expect(await readModel.count(orders, [])).toEqual({ found: 12_000, position: 10, parked: null })
      await commitPage(readModel, page({ epoch, from: 10, to: 20, rows: buildRows(11, 2) }))
      expect(await readModel.commit(page({ epoch, from: 10, to: 20, rows: buildRows(12, 3) }))).toBeFalse()
      const reopened = await reopen()
      const { found } = await reopened.list(orders, { ...everything, limit: 20_000 })
      expect(found).toHaveLength(12_000 - Math.ceil(12_000 / 14))
      expect(found.filter(({ position }) => position === 11)).toHaveLength(6_000 - Math.ceil(12_000 / 14))
      expect(found.some(({ position }) => position === 12)).toBeFalse()
    },
  },
  {
    title: 'shows a reader rows and checkpoint of one moment, never rows older than the checkpoint',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      let writing = true
      const writer = (async () => {
        for (let step = 1; step <= 60; step++)
          await commitPage(
            readModel,
            page({ epoch, from: step - 1, to: step, rows: ['a', 'b'].map(key => ({ ...row(key, step), fields: ['s', step] })) }),
          )
      })().finally(() => {
        writing = false
      })
      for (let looks = 0; writing || looks < 3; looks++) {
        const one = await readModel.get(orders, 'a')
        expect(one.found?.position ?? 0).toBe(one.position)
        const all = await readModel.list(orders, everything)
        expect(all.found.map(({ position }) => position)).toEqual(all.position ? [all.position, all.position] : [])
        const { found, position } = await readModel.count(orders, filterByValues({ status: 's' }))
        expect(found).toBe(position ? 2 : 0)
      }
      await writer
    },
  },
]

export async function readEverything(
  readModel: ReadModel,
): Promise<{ rows: readonly StoredRow[]; progress: readonly unknown[]; parked: readonly Parked[] }> {
  return {
    rows: (await readModel.list(orders, everything)).found,
    progress: await readModel.progress(),
    parked: await readModel.parked(),
  }
}
