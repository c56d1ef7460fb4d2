// After any pages a read model has the rows that a map would have.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { compareText } from '../compare-text.ts'
import type { NewRow } from '../progress.ts'
import type { StoredRow } from '../rows.ts'
import type { ReadModelCase } from './case.ts'
import { acquireLease, everything, orders, page, buildParked } from './builders.ts'
import { amounts, listInPages, sortRows, sorts, statuses, texts } from './sorting.ts'

export const properties: readonly ReadModelCase[] = [
  {
    title: 'has after any pages what a map has that they were applied to',
    run: async ({ readModel, reopen }, share = 1) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const model = new Map<string, NewRow>()
      const parked = new Map<string, number>()
      let position = 0
      const key = fc.constantFrom(...texts.slice(0, 12))
      const rows = fc.uniqueArray(
        fc.record({
          key,
          data: fc.option(fc.json({ maxDepth: 1 }), { freq: 3 }),
          fields: fc.tuple(fc.constantFrom(...statuses), fc.constantFrom(...amounts)),
        }),
        { selector: ({ key }) => key, maxLength: 8 },
      )
      const pages = fc.record({
        rows,
        park: fc.uniqueArray(key, { maxLength: 2 }),
        unpark: fc.uniqueArray(key, { maxLength: 3 }),
        stale: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(pages, async ({ rows, park, unpark, stale }) => {
          const to = position + 1
          const next = page({
            epoch,
            from: stale ? position + 1 : position,
            to,
            rows: rows.map(row => ({ ...row, position: to })).toSorted((one, other) => compareText(one.key, other.key)),
            park: park.map(key => buildParked(key, to)),
            unpark: unpark.map(key => buildParked(key)),
          })
          expect(await readModel.commit(next)).toBe(!stale)
          if (stale) return
          position = to
          for (const row of next.rows) {
            if (row.data === null) model.delete(row.key)
            else model.set(row.key, row)
          }
          for (const key of unpark) parked.delete(key)
          for (const key of park) parked.set(key, to)
          const { found, position: at } = await readModel.list(orders, everything)
          expect(at).toBe(position)
          expect(found).toEqual(rowsOf(model, parked))
        }),
        { numRuns: Math.ceil(60 * share) },
      )
      const reopened = await reopen()
      expect((await reopened.list(orders, everything)).found).toEqual(rowsOf(model, parked))
      for (const sort of sorts)
        expect(await listInPages({ readModel: reopened, rows: [...model.values()] }, { where: [], sort })).toEqual(
          sortRows([...model.values()], [], sort).map(({ key }) => key),
        )
    },
  },
]

function rowsOf(model: ReadonlyMap<string, NewRow>, parked: ReadonlyMap<string, number>): readonly StoredRow[] {
  return [...model.values()]
    .map(({ key, position, data }) => ({ key, position, data: data!, parked: parked.get(key) ?? null }))
    .toSorted((one, other) => compareText(one.key, other.key))
}
