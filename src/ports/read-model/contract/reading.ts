// A read model filters, sorts and pages by its indexes alone.
import { expect } from 'bun:test'
import { compareText } from '../compare-text.ts'
import { type Criterion, type RowFilter, filterByValues } from '../filter.ts'
import type { NewRow } from '../progress.ts'
import type { ListOptions } from '../rows.ts'
import type { Value } from '../tables.ts'
import type { ReadModelCase } from './case.ts'
import { acquireLease, commitPage, everything, failureOf, orders, page, plain, row } from './builders.ts'
import { amounts, listInPages, placeOf, sortRows, sorts, statuses, texts } from './sorting.ts'

export const reading: readonly ReadModelCase[] = [
  {
    title: 'refuses to filter and sort by a field that is no index, and a value of another kind',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const asked: readonly Partial<ListOptions>[] = [
        { where: filterByValues({ other: 1 }) },
        { where: filterByValues({ Status: 'new' }) },
        { where: filterByValues({ '"; drop table events; --': 1 }) },
        { where: filterByValues({ status: 1 }) },
        { where: filterByValues({ total: '1' }) },
        { sort: [{ field: 'other', descending: false }] },
        { sort: [{ field: 'total', descending: false }], after: { values: ['x'], key: 'o1' } },
        {
          sort: [
            { field: 'total', descending: false },
            { field: 'total', descending: true },
          ],
        },
        { where: [{ field: 'other', is: 'not null' }] },
        { where: [{ field: 'total', is: '>', value: '1' }] },
        { where: [{ field: 'status', is: 'one of', values: ['new', 1] }] },
        { where: [{ field: 'total', is: 'prefix', value: '1' }] },
        { where: [{ field: 'total', is: 'one of', values: Array.from({ length: 1_001 }, (_, i) => i) }] },
      ]
      for (const one of asked)
        expect(await failureOf(readModel.list(orders, { ...everything, ...one })), Bun.inspect(one)).toBeInstanceOf(TypeError)
      expect(await failureOf(readModel.count(orders, filterByValues({ other: 1 })))).toBeInstanceOf(TypeError)
      expect(await failureOf(readModel.count(plain, filterByValues({ status: 'new' })))).toBeInstanceOf(TypeError)
    },
  },
  {
    title: 'finds nothing by a text that no row can hold',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      await commitPage(readModel, page({ epoch, rows: [row('a', 1), { ...row('\ufffd', 1), fields: ['\ufffd', null] }] }))
      for (const text of ['a\0', '\0', '\ud800', '\udc00']) {
        expect(await readModel.get(orders, text)).toEqual({ found: null, position: 10, parked: null, parkedStream: null })
        expect(await readModel.rows(orders, [text])).toEqual([])
        for (const criterion of of('status', text))
          expect((await readModel.list(orders, { ...everything, where: [criterion] })).found, Bun.inspect(criterion)).toEqual([])
        expect((await readModel.count(orders, filterByValues({ status: text }))).found).toBe(0)
      }
    },
  },
  {
    title: 'lists rows in any order it has an index for, from any row on, as a sorted array would, whatever the values are',
    run: async ({ readModel }, share = 1) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const rows: readonly NewRow[] = texts
        .toSorted(compareText)
        .flatMap((text, i) =>
          [0, 1, 2].map(n => ({
            key: `${text}${n}`,
            position: i + 1,
            data: '{}',
            fields: [statuses[(i + n) % statuses.length]!, amounts[(i * n) % amounts.length]!],
          })),
        )
        .toSorted((one, other) => compareText(one.key, other.key))
      await commitPage(readModel, page({ epoch, rows }))
      const wheres: readonly RowFilter[] = [
        {},
        ...statuses.map(status => ({ status })),
        ...amounts.map(total => ({ total })),
        { status: statuses[1]!, total: amounts[1]! },
        { status: null, total: null },
      ].map(filterByValues)
      for (const [where, sort] of everyNth(combine(wheres, sorts), share)) {
        const wanted = sortRows(rows, where, sort).map(({ key }) => key)
        expect((await readModel.count(orders, where)).found).toBe(wanted.length)
        // Each page of 7, and then from each of some rows on.
        expect(await listInPages({ readModel, rows }, { where, sort }), Bun.inspect({ where, sort })).toEqual(wanted)
      }
      for (const sort of sorts) {
        const sorted = sortRows(rows, [], sort)
        for (const [i, last] of everyNth([...sorted.entries()], share)) {
          const { found } = await readModel.list(orders, { where: [], sort, after: placeOf(last, sort), limit: 3 })
          expect(found.map(({ key }) => key)).toEqual(sorted.slice(i + 1, i + 4).map(({ key }) => key))
        }
      }
    },
  },
  {
    title: 'goes on behind a row that is no longer there',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      const totals = [null, null, 1, 1, 2, 3]
      await commitPage(readModel, page({ epoch, rows: totals.map((total, i) => ({ ...row(`k${i}`, 1), fields: ['s', total] })) }))
      const keysAfter = async (descending: boolean, value: Value, key: string) =>
        (
          await readModel.list(orders, {
            where: [],
            sort: [{ field: 'total', descending }],
            after: { values: [value], key },
            limit: 9,
          })
        ).found
          .map(({ key }) => key[1])
          .join('')
      expect(await keysAfter(false, 1.5, 'a')).toBe('45')
      expect(await keysAfter(true, 1.5, 'a')).toBe('3210')
      expect(await keysAfter(false, null, 'k0x')).toBe('12345')
      expect(await keysAfter(true, null, 'k0x')).toBe('0')
      expect(await keysAfter(false, 1, 'k2x')).toBe('345')
      expect(await keysAfter(true, 1, 'k2x')).toBe('210')
    },
  },
]

/** Every criterion that compares a field with a text. */
function of(field: string, value: string): readonly Criterion[] {
  const comparisons = (['<', '<=', '>', '>=', 'prefix', 'equal'] as const).map((is): Criterion => ({ field, is, value }))
  return [...comparisons, { field, is: 'one of', values: [value] }, { field, is: 'one of', values: [value, 'b\0'] }]
}

function combine<A, B>(ones: readonly A[], others: readonly B[]): readonly (readonly [A, B])[] {
  return ones.flatMap(one => others.map(other => [one, other] as const))
}

/** A share of a list, evenly spread. */
function everyNth<T>(list: readonly T[], share: number): readonly T[] {
  return list.filter((_, i) => Math.floor(i * share) !== Math.floor((i - 1) * share))
}
