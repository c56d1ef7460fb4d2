// Reads the series of a measure from its rows, in slices, so that no read is long however many rows there are.
import type { CountedField, MeasureSpec } from '../definitions/measure/spec.ts'
import { readSum, SINCE } from '../definitions/measure/sums.ts'
import { PLACE, readPlace, SECONDS_TAKEN } from '../definitions/measure/times.ts'
import { background } from '../lib/turns.ts'
import type { Distribution, Series } from '../ports/metrics/reading.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { ListOptions, StoredRow, TallyGroup } from '../ports/read-model/rows.ts'
import type { Table, Value } from '../ports/read-model/tables.ts'
import { SERIES_MAX } from './registry.ts'

export type MeasuredTable = { readonly readModel: ReadModel; readonly table: Table; readonly signal: AbortSignal }
/** `hasOther`: there were too many series, and what came beyond is in one. */
export type MeasuredSeries = { readonly series: readonly Series[]; readonly hasOther: boolean }

/** How many rows are read at once. */
const SLICE = 2_000
/** The work for a row, in characters. */
const ROW_SIZE = 16

/** Reads all series of a measure. */
export function readMeasure({ from, metric }: MeasureSpec, read: MeasuredTable): Promise<MeasuredSeries> {
  if (from.kind === 'rows') return countRows(read, from.by)
  return from.kind === 'times' ? readTimes(read, metric.bounds!.length) : readSums(read)
}

/** The series in the order of their first event. */
async function readSums(read: MeasuredTable): Promise<MeasuredSeries> {
  const series = new CappedSeries(() => ({ value: 0 }))
  for await (const row of rowsSince(read)) {
    const { values, value } = readSum(row)
    series.find(values).value += value
  }
  return series.read(({ value }) => value)
}

async function* rowsSince({ readModel, table, signal }: MeasuredTable): AsyncGenerator<StoredRow> {
  for (let after: ListOptions['after'] = null; ; ) {
    const options = { where: [], sort: [{ field: SINCE, descending: false }], after, limit: SLICE }
    const { found } = await readModel.list(table, options)
    yield* found
    if (found.length < SLICE) return
    await endSlice(signal)
    const last = found.at(-1)!
    after = { values: [(JSON.parse(last.data) as { readonly [SINCE]: number })[SINCE]], key: last.key }
  }
}

async function countRows(read: MeasuredTable, by: readonly CountedField[]): Promise<MeasuredSeries> {
  const series = new CappedSeries(() => ({ value: 0 }))
  const fields = by.map(({ field }) => field)
  for await (const { values, many } of groupsOf(read, fields, null))
    series.find(values.map((value, i) => labelOf(value, by[i]!))).value += many
  return series.read(({ value }) => value)
}

/** What is not there is the empty text, which for Prometheus is no attribute. */
function labelOf(value: Value, { isFlag }: CountedField): string {
  if (value === null) return ''
  return isFlag ? String(value === 1) : String(value)
}

async function readTimes(read: MeasuredTable, bounds: number): Promise<MeasuredSeries> {
  const series = new CappedSeries(() => ({ counts: new Array<number>(bounds + 1).fill(0), sum: 0 }))
  for await (const { values, many, sum } of groupsOf(read, [PLACE], SECONDS_TAKEN)) {
    // A stream that has not ended is at no place.
    if (values[0] === null) continue
    const place = readPlace(String(values[0]))
    const times = series.find(place.values)
    times.counts[place.bucket]! += many
    times.sum += sum
  }
  return series.read(({ counts, sum }): Distribution => ({ counts, sum, exemplars: [] }))
}

/** Counts all rows, a slice at a time. A group comes once for each slice that has rows of it. */
async function* groupsOf(
  { readModel, table, signal }: MeasuredTable,
  by: readonly string[],
  sum: string | null,
): AsyncGenerator<TallyGroup> {
  for (let after: string | null = null; ; ) {
    const { groups, last } = await readModel.tally(table, { by, sum, after, limit: SLICE })
    yield* groups
    if (last === null) return
    await endSlice(signal)
    after = last
  }
}

async function endSlice(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (background.isOver(SLICE * ROW_SIZE)) await background.next()
}

/** Series by the values of their attributes. Beyond the bound there is one, whose values are all `other`. */
class CappedSeries<T> {
  readonly #create: () => T
  readonly #all = new Map<string, { readonly values: readonly string[]; readonly counted: T }>()
  #hasOther = false

  constructor(create: () => T) {
    this.#create = create
  }

  find(values: readonly string[]): T {
    const key = values.join('\0')
    const known = this.#all.get(key)
    if (known) return known.counted
    const isOther = values.every(value => value === OTHER)
    if (this.#all.size >= SERIES_MAX && !isOther) {
      this.#hasOther = true
      return this.find(values.map(() => OTHER))
    }
    const counted = this.#create()
    this.#all.set(key, { values, counted })
    return counted
  }

  read(amountOf: (counted: T) => Series['counted']): MeasuredSeries {
    const series = [...this.#all.values()].map(({ values, counted }) => ({ values, counted: amountOf(counted) }))
    return { series, hasOther: this.#hasOther }
  }
}
const OTHER = 'other'
