// A read model gives back keys, fields and data byte for byte.
import { expect } from 'bun:test'
import { compareText } from '../compare-text.ts'
import type { NewRow } from '../progress.ts'
import type { ReadModelCase } from './case.ts'
import { acquireLease, commitPage, everything, failureOf, orders, page, row, sortByKey } from './builders.ts'
import { numbers, texts } from './sorting.ts'
import { readEverything } from './pages.ts'

export const payloads: readonly ReadModelCase[] = [
  {
    title: 'keeps keys, fields and data byte for byte',
    run: async ({ readModel, reopen }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const rows = texts.toSorted(compareText).map((text, i) => ({
        key: text,
        position: i + 1,
        data: JSON.stringify({ text, nul: '\0' }),
        fields: [text, numbers[i % numbers.length]!],
      }))
      await commitPage(readModel, page({ epoch, to: 100, rows }))
      const reopened = await reopen()
      for (const { key, position, data } of rows) {
        expect(await reopened.get(orders, key)).toEqual({
          found: { key, position, data, parked: null },
          position: 100,
          parked: null,
        })
        expect((await reopened.list(orders, { ...everything, where: { status: key } })).found.map(({ key }) => key)).toEqual([
          key,
        ])
      }
      expect(sortByKey(await reopened.rows(orders, [...texts, ...texts, 'none']))).toEqual(
        rows.map(({ key, position, data }) => ({ key, position, data, parked: null })),
      )
      for (const number of numbers)
        expect((await reopened.count(orders, { total: number })).found).toBe(
          rows.filter(({ fields }) => fields[1] === number).length,
        )
    },
  },
  {
    title: 'refuses what no database could keep, and writes nothing of its page',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const wrong: readonly Partial<NewRow>[] = [
        { key: 'a\0b' },
        { key: '\ud800' },
        { fields: ['\0', 1] },
        { fields: ['\udc00x', 1] },
        { fields: ['new', Number.NaN] },
        { fields: ['new', Number.POSITIVE_INFINITY] },
        { fields: ['new', '1'] },
        { fields: [1, 1] },
        { fields: ['new'] },
        { fields: ['new', 1, 1] },
      ]
      for (const one of wrong) {
        const rows = [row('a', 1), { ...row('o1', 1), ...one }]
        expect(await failureOf(readModel.commit(page({ epoch, rows }))), Bun.inspect(one)).toBeInstanceOf(TypeError)
      }
      expect(await failureOf(readModel.commit(page({ name: 'no_table', epoch, rows: [row('a', 1)] })))).toBeInstanceOf(TypeError)
      expect(await readEverything(readModel)).toMatchObject({ rows: [], progress: [{ position: 0 }] })
    },
  },
]
