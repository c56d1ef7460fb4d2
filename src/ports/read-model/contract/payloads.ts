// A read model gives back keys, fields and data byte for byte.
import { filterByValues } from '../filter.ts'
import { expect } from 'bun:test'
import { buildLongText } from '../../../test-support/long-text.ts'
import { compareText } from '../compare-text.ts'
import type { NewRow } from '../progress.ts'
import type { ReadModelCase } from './case.ts'
import { PageRefused } from '../page-refused.ts'
import { acquireLease, buildParked, commitPage, everything, failureOf, orders, page, row, sortByKey } from './builders.ts'
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
          parkedStream: null,
        })
        expect(
          (await reopened.list(orders, { ...everything, where: filterByValues({ status: key }) })).found.map(({ key }) => key),
        ).toEqual([key])
      }
      expect(sortByKey(await reopened.rows(orders, [...texts, ...texts, 'none']))).toEqual(
        rows.map(({ key, position, data }) => ({ key, position, data, parked: null })),
      )
      for (const number of numbers)
        expect((await reopened.count(orders, filterByValues({ total: number }))).found).toBe(
          rows.filter(({ fields }) => fields[1] === number).length,
        )
    },
  },
  {
    title: 'refuses what some database could not keep as a page that can never be written, and writes nothing of it',
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
        { fields: ['x'.repeat(2_599), 1] },
        { fields: ['絵'.repeat(867), 1] },
        { key: 'k'.repeat(2_601) },
        { data: buildLongText(67_108_865) },
        { position: 1.5 },
      ]
      for (const one of wrong) {
        const rows = [row('a', 1), { ...row('o1', 1), ...one }]
        const what = Object.keys(one).join()
        expect(await failureOf(readModel.commit(page({ epoch, rows }))), what).toBeInstanceOf(PageRefused)
      }
      for (const park of [buildParked('a\0b'), { ...buildParked('a'), cause: '\ud800' }])
        expect(await failureOf(readModel.commit(page({ epoch, park: [park] })))).toBeInstanceOf(PageRefused)
      expect(await failureOf(readModel.commit(page({ name: 'no_table', epoch, rows: [row('a', 1)] })))).toBeInstanceOf(TypeError)
      expect(await readEverything(readModel)).toMatchObject({ rows: [], progress: [{ position: 0 }] })
    },
  },
  {
    title: 'keeps the longest key and the longest indexed text, of whatever characters',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      // Random texts are not compressed by any database.
      const random = (length: number) =>
        Buffer.from(crypto.getRandomValues(new Uint8Array(length)))
          .toString('hex')
          .slice(0, length)
      const rows = [{ ...row('a', 1), fields: [random(2_599), 1] }, row(`k${random(2_596)}`, 2)]
      await commitPage(readModel, page({ epoch, rows }))
      expect((await readModel.list(orders, everything)).found.map(({ key }) => key)).toEqual(rows.map(({ key }) => key))
    },
  },
  {
    title: 'tries a page without writing it, says what it could not keep, and gives false for what it could',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const rows = [row('a', 1)]
      expect(await readModel.commit(page({ epoch, rows, park: [buildParked('b')], isTrial: true }))).toBeFalse()
      const refused = page({ epoch, rows: [row('a\0', 1)], isTrial: true })
      expect(await failureOf(readModel.commit(refused))).toBeInstanceOf(PageRefused)
      expect(await readEverything(readModel)).toMatchObject({ rows: [], parked: [], progress: [{ position: 0 }] })
      await commitPage(readModel, page({ epoch, rows }))
    },
  },
]
