// A read model filters by any conditions on its indexes, and sorts by several of them.
import { expect } from 'bun:test'
import fc from 'fast-check'
import { compareText } from '../compare-text.ts'
import type { Criterion, RowFilter } from '../filter.ts'
import type { NewRow } from '../progress.ts'
import type { Table, Value } from '../tables.ts'
import type { ReadModelCase } from './case.ts'
import { acquireLease, commitPage, page } from './builders.ts'
import { listInPages, sortRows } from './sorting.ts'

const parcels: Table = {
  name: 'parcels_v1',
  indexes: [
    { field: 'zone', kind: 'text' },
    { field: 'weight', kind: 'number' },
    { field: 'note', kind: 'text' },
  ],
}

const zones: readonly (string | null)[] = [null, '', 'a', 'aa', 'ab', 'b\ud7ff', 'b\ue000', 'b\u{10ffff}', 'c', '%', '_']
const weights: readonly (number | null)[] = [null, -2.5, 0, 1, 1e21]
const notes: readonly (string | null)[] = [null, 'x', 'y']

/** Many rows share each value, so that the order of each further field shows. */
const rows: readonly NewRow[] = Array.from({ length: 60 }, (_, i) => ({
  key: `${'絵é z'[i % 4]}${i}`,
  position: i + 1,
  data: '{}',
  fields: [zones[i % zones.length]!, weights[Math.floor(i / 3) % weights.length]!, notes[(i * 7) % notes.length]!],
})).toSorted((one, other) => compareText(one.key, other.key))

const text = (field: string, values: readonly (string | null)[]) => criteriaOf(field, values, ['a', 'b', 'b\ud7ff', '\u{10ffff}'])
const criterion = fc.oneof(text('zone', zones), criteriaOf('weight', weights), text('note', notes))
const sort = fc
  .shuffledSubarray(parcels.indexes.map(({ field }) => field))
  .chain(fields => fc.tuple(...fields.map(field => fc.record({ field: fc.constant(field), descending: fc.boolean() }))))

/** Each comparison with a value that rows have, in each kind of index. */
const examples = (['<', '<=', '>', '>='] as const).flatMap(is =>
  (
    [
      ['zone', 'aa'],
      ['weight', 0],
    ] as const
  ).map(([field, value]): [Lists] => [{ where: [{ field, is, value }], sort: [{ field, descending: false }], limit: 20 }]),
)

/** Any criterion of a field; only a text has prefixes. */
function criteriaOf(field: string, values: readonly Value[], prefixes: readonly string[] = []): fc.Arbitrary<Criterion> {
  const some = values.filter(value => value !== null)
  const all: readonly fc.Arbitrary<Criterion>[] = [
    fc.constantFrom(...values).map(value => ({ field, is: 'equal', value })),
    fc.subarray([...values]).map(values => ({ field, is: 'one of', values })),
    fc.constant({ field, is: 'not null' }),
    fc
      .tuple(fc.constantFrom('<', '<=', '>', '>='), fc.constantFrom(...some))
      .map(([is, value]): Criterion => ({ field, is, value })),
    ...(prefixes.length ? [fc.constantFrom('', ...prefixes).map((value): Criterion => ({ field, is: 'prefix', value }))] : []),
  ]
  return fc.oneof(...all)
}

type Lists = {
  readonly where: RowFilter
  readonly sort: { readonly field: string; readonly descending: boolean }[]
  readonly limit: number
}

export const filtering: readonly ReadModelCase[] = [
  {
    title: 'lists by any conditions, in the order of any fields, page by page, what a filtered and sorted array has',
    run: async ({ readModel }, share = 1) => {
      await readModel.prepare([parcels])
      const { epoch } = await acquireLease(readModel, 'parcels_v1')
      await commitPage(readModel, page({ name: 'parcels_v1', epoch, rows }))
      const lists = fc.record({ where: fc.array(criterion, { maxLength: 2 }), sort, limit: fc.integer({ min: 3, max: 20 }) })
      await fc.assert(
        fc.asyncProperty(lists, async ({ where, sort, limit }) => {
          const wanted = sortRows(rows, where, sort, parcels).map(({ key }) => key)
          expect(await listInPages({ readModel, table: parcels, rows }, { where, sort, limit })).toEqual(wanted)
          expect((await readModel.count(parcels, where)).found).toBe(wanted.length)
        }),
        { numRuns: examples.length + Math.ceil(72 * share), examples },
      )
    },
  },
  {
    title: 'joins two filters of one field, and finds what meets both',
    run: async ({ readModel }) => {
      await readModel.prepare([parcels])
      const { epoch } = await acquireLease(readModel, 'parcels_v1')
      await commitPage(readModel, page({ name: 'parcels_v1', epoch, rows }))
      const equal = (value: string): RowFilter => [{ field: 'zone', is: 'equal', value }]
      const many = async (where: RowFilter) => (await readModel.count(parcels, where)).found
      expect(await many([...equal('a'), ...equal('a')])).toBe(await many(equal('a')))
      expect(await many([...equal('a'), ...equal('c')])).toBe(0)
      expect(await many([...equal('a'), { field: 'zone', is: 'one of', values: [] }])).toBe(0)
    },
  },
]
