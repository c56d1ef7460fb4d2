// A read model counts rows by the values of their indexes, a slice at a time.
import { expect } from 'bun:test'
import { compareText } from '../compare-text.ts'
import type { NewRow } from '../progress.ts'
import type { ReadModel } from '../read-model.ts'
import type { TallyGroup, TallyOptions } from '../rows.ts'
import { acquireLease, commitPage, failureOf, orders, page } from './builders.ts'
import type { ReadModelCase } from './case.ts'
import { statuses, texts } from './sorting.ts'

/** Many rows share each status, and some totals are null. */
const rows: readonly NewRow[] = texts
  .filter(key => key !== '' && key !== '\t')
  .map((key, i) => ({ key, position: i + 1, data: '{}', fields: [statuses[i % statuses.length]!, i % 3 === 0 ? null : i] }))
  .toSorted((one, other) => compareText(one.key, other.key))

/** What is counted in slices, put together, by the text of the values. */
async function tallyInSlices(readModel: ReadModel, { by, sum, limit }: Omit<TallyOptions, 'after'>) {
  const groups = new Map<string, Omit<TallyGroup, 'values'>>()
  for (let after: string | null = null, slices = 1; ; slices++) {
    const slice = await readModel.tally(orders, { by, sum, after, limit })
    for (const { values, many, sum } of slice.groups) {
      const before = groups.get(JSON.stringify(values)) ?? { many: 0, sum: 0 }
      groups.set(JSON.stringify(values), { many: before.many + many, sum: before.sum + sum })
    }
    if (slice.last === null) return { groups, slices }
    after = slice.last
  }
}

/** The same in the simplest code. */
function tallyApart(valuesOf: (row: NewRow) => readonly unknown[]): ReadonlyMap<string, Omit<TallyGroup, 'values'>> {
  const byValues = Map.groupBy(rows, row => JSON.stringify(valuesOf(row)))
  return new Map(
    [...byValues].map(([values, of]) => [
      values,
      { many: of.length, sum: of.reduce((sum, { fields }) => sum + Number(fields[1] ?? 0), 0) },
    ]),
  )
}

export const tallying: readonly ReadModelCase[] = [
  {
    title: 'counts and adds up rows by the values of any of their indexes, in slices of any length',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const { epoch } = await acquireLease(readModel, 'orders_v1')
      expect(await readModel.tally(orders, { by: [], sum: null, after: null, limit: 10 })).toEqual({ groups: [], last: null })
      await commitPage(readModel, page({ epoch, to: rows.length, rows }))
      for (const limit of [1, 7, rows.length, 1_000]) {
        const count = async (by: readonly string[]) => (await tallyInSlices(readModel, { by, sum: 'total', limit })).groups
        expect(await count(['status'])).toEqual(new Map(tallyApart(({ fields }) => [fields[0]])))
        expect(await count(['total', 'status'])).toEqual(new Map(tallyApart(({ fields }) => [fields[1], fields[0]])))
        expect(await count([])).toEqual(new Map(tallyApart(() => [])))
      }
      const { groups } = await tallyInSlices(readModel, { by: [], sum: null, limit: 7 })
      expect(groups).toEqual(new Map([['[]', { many: rows.length, sum: 0 }]]))
    },
  },
  {
    title: 'refuses to count by a field without an index, and to add up what is no number',
    run: async ({ readModel }) => {
      await readModel.prepare([orders])
      const tally = (by: readonly string[], sum: string | null) =>
        failureOf(readModel.tally(orders, { by, sum, after: null, limit: 10 }))
      expect(await tally(['name'], null)).toEqual(new TypeError('orders_v1 has no index on name'))
      expect(await tally([], 'name')).toEqual(new TypeError('orders_v1 has no index on name'))
      expect(await tally([], 'status')).toEqual(new TypeError('orders_v1: status is no number to add up'))
    },
  },
]
