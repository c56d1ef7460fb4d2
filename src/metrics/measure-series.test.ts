// Measures with more series, or more rows, than a scrape may read at once.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../definitions/event/events.ts'
import { measure } from '../definitions/measure/measure.ts'
import type { Value } from '../ports/read-model/tables.ts'
import { memory } from '../ports/store/memory.ts'
import { readMeasure } from './measure-series.ts'

const Sale = events('sale', { Sold: z.object({ name: z.string() }) })
const sales = measure('sales', { from: Sale, on: { Sold: 1 }, by: { name: ({ data }) => data.name } })

describe('too many series', () => {
  /** A table of so many rows with three values of an index, as a store has them. */
  async function tableOf(
    rows: number,
    keyOf: (i: number) => string,
    dataOf: (i: number) => object,
    fieldsOf: (i: number) => Value[],
  ) {
    const { readModel } = memory()
    const table = { name: 'many_v1', indexes: many }
    await readModel.prepare([table])
    const lease = await readModel.acquire('many_v1', { owner: 'a', ttlMs: 1_000, start: 0 })
    const all = Array.from({ length: rows }, (_, i) => i)
    const page = all.map(i => ({ key: keyOf(i), position: i + 1, data: JSON.stringify(dataOf(i)), fields: fieldsOf(i) }))
    await readModel.commit({
      name: 'many_v1',
      epoch: lease!.epoch,
      from: 0,
      to: rows,
      ttlMs: 1_000,
      rows: page,
      park: [],
      unpark: [],
    })
    return { readModel, table, signal: new AbortController().signal }
  }
  const many = [{ field: 'since', kind: 'number' }, { field: 'name', kind: 'text' }] as const // biome-ignore format: one list

  test('series beyond a thousand are one, whose sum has all that came there, and the oldest stay', async () => {
    const read = await tableOf(
      4_500,
      i => JSON.stringify([`c${i}`]),
      i => ({ since: i + 1, value: 1 }),
      i => [i + 1, null],
    )
    const { series, hasOther } = await readMeasure(sales[spec], read)
    expect(hasOther).toBe(true)
    expect(series).toHaveLength(1_001)
    expect(series[999]).toEqual({ values: ['c999'], counted: 1 })
    expect(series.at(-1)).toEqual({ values: ['other'], counted: 3_500 })
  })

  test('rows of more than a thousand values are counted as other, and no row is lost', async () => {
    const read = await tableOf(
      3_000,
      i => `k${i}`,
      () => ({}),
      i => [i, `n${i % 1_500}`],
    )
    const counting = { kind: 'rows', rows: sales[spec].from.rows, by: [{ field: 'name', isFlag: false }] } as const
    const { series, hasOther } = await readMeasure({ ...sales[spec], from: counting }, read)
    expect(hasOther).toBe(true)
    expect(series.find(({ values }) => values[0] === 'other')?.counted).toBe(1_000)
    expect(series.reduce((sum, { counted }) => sum + (counted as number), 0)).toBe(3_000)
  })

  test('a reading of many rows ends between two slices when the process stops', async () => {
    const read = await tableOf(
      4_500,
      i => JSON.stringify([`c${i}`]),
      i => ({ since: i + 1, value: 1 }),
      i => [i + 1, null],
    )
    await expect(readMeasure(sales[spec], { ...read, signal: AbortSignal.abort(new Error('over')) })).rejects.toThrow('over')
  })
})
