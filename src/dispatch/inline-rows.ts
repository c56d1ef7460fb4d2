// The rows of inline projections: folded from their stream before an append, and written with it. A row is a fold of one
// stream, and the append checks the version of that stream. So no row needs a check of its own.
import { LRUCache } from 'lru-cache'
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredText } from '../definitions/event/recorded.ts'
import { encodeRow, foldEvent, type RowEvent, rowEvents } from '../definitions/projection/fold.ts'
import { type ProjectionSpec, tableOf } from '../definitions/projection/projection.ts'
import { checkPage } from '../ports/read-model/check.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Log } from '../ports/store/log.ts'
import { streamPages } from '../ports/store/pages.ts'
import type { Store } from '../ports/store/store.ts'
import { isWrite, type Slice, type Unit, type UnitRow } from '../ports/store/unit.ts'

/** A row folded up to a version of its stream. Null: there is none. */
type FoldedRow = { readonly version: number; readonly row: object | null; readonly size: number }
/** What one slice makes of a projection's row: the fold to keep once it is appended, and the row to write, if any. */
type SliceFold = { readonly id: string; readonly folded: FoldedRow; readonly written: UnitRow | null }

/** The bounds of the rows in memory: their count, and the text of their data in characters. */
const ROWS_MAX = 100_000
const ROWS_SIZE_MAX = 67_108_864

/** The store, with the rows of inline projections in its appends. Without such a projection it is the store itself. */
export function writeRowsInline(store: Store, projections: readonly ProjectionSpec[], report: Report): Store {
  const inline = projections.flatMap(versionsOf).filter(one => one.inline)
  if (!inline.length) return store
  const rows = new InlineRows(store, inline, report)
  return new Proxy(store, {
    get: (store, name) => {
      if (name === 'append') return rows.append
      const member: unknown = Reflect.get(store, name, store)
      return typeof member === 'function' ? member.bind(store) : member
    },
  })
}

class InlineRows {
  readonly #store: Store
  readonly #projections: ReadonlyMap<string, readonly ProjectionSpec[]>
  readonly #report: Report
  /** Folds of what the log has. They stay right, because no stream changes but at its end. */
  readonly #folded = new LRUCache<string, FoldedRow>({
    max: ROWS_MAX,
    maxSize: ROWS_SIZE_MAX,
    sizeCalculation: ({ size }) => size + 1,
  })
  /** The tables of rows that could not be folded, each reported once. The subscription parks what fails for good. */
  readonly #late = new Set<string>()

  constructor(store: Store, projections: readonly ProjectionSpec[], report: Report) {
    this.#store = store
    this.#projections = Map.groupBy(projections, ({ families }) => [...families.keys()][0]!)
    this.#report = report
  }

  append: Log['append'] = async (units, options) => {
    const folds = await Promise.all(units.map(unit => this.#foldUnit(unit)))
    const outcomes = await this.#store.append(
      units.map((unit, i) => withRows(unit, folds[i]!)),
      options,
    )
    for (const [i, { outcome }] of outcomes.entries())
      if (outcome === 'appended') for (const { id, folded } of folds[i]!) this.#folded.set(id, folded)
    return outcomes
  }

  async #foldUnit(unit: Unit): Promise<readonly SliceFold[]> {
    if (!isWrite(unit)) return []
    const folds = unit.slices.flatMap(slice =>
      slice.events.length === 0 || typeof slice.expect !== 'number'
        ? []
        : (this.#projections.get(categoryOf(slice.stream)) ?? []).map(one => this.#foldSlice(one, slice, Number(slice.expect))),
    )
    return (await Promise.all(folds)).filter(fold => fold !== null)
  }

  /** Null: the row cannot be folded now. The subscription writes it. */
  async #foldSlice(projection: ProjectionSpec, slice: Slice, version: number): Promise<SliceFold | null> {
    const table = tableOf(projection)
    const id = `${table} ${slice.stream}`
    try {
      const before = await this.#foldUntil(projection, id, slice.stream, version)
      return before && foldNew(projection, id, before, slice)
    } catch (error) {
      if (error instanceof StoreError) throw error
      this.#reportLate(table, slice.stream, error)
      return null
    }
  }

  /** Folds a row up to a version of its stream. Null: the stream is not that long, so the append will conflict. */
  async #foldUntil(projection: ProjectionSpec, id: string, stream: string, until: number): Promise<FoldedRow | null> {
    const kept = this.#folded.get(id)
    let { version, row, size } = kept && kept.version <= until ? kept : EMPTY
    if (version === until) return { version, row, size }
    for await (const page of streamPages(this.#store, stream, { after: version, until }))
      for (const stored of page) {
        row = foldAll(projection, row, rowEvents(projection, stored))
        size += stored.data.length
        version = stored.version
      }
    if (version !== until) return null
    this.#folded.set(id, { version, row, size })
    return { version, row, size }
  }

  #reportLate(table: string, stream: string, cause: unknown): void {
    if (this.#late.has(table)) return
    this.#late.add(table)
    const message =
      `The row of ${stream} in ${table} was not written with its event, but is by the subscription a moment later: ${String(cause)}. ` +
      'Other rows of this table that come late for a cause are not reported again.'
    this.#report(new Notice({ level: 'warn', code: 'inline-row-late', message, fields: { table, stream }, cause }))
  }
}

const EMPTY: FoldedRow = { version: 0, row: null, size: 0 }

/** Folds the new events of a slice over a row. Throws if a fold does, or no store can keep the row. */
function foldNew(projection: ProjectionSpec, id: string, before: FoldedRow, { stream, events }: Slice): SliceFold {
  let { row, version } = before
  let last: StoredText | null = null
  for (const event of events) {
    const stored = new UnplacedEvent(event, stream, ++version)
    const found = rowEvents(projection, stored)
    if (found.length) last = stored
    row = foldAll(projection, row, found)
  }
  // A later page of the subscription would not know that an append had deleted the row, so only pages delete rows.
  const written = last && row ? unitRow(projection, row, last) : null
  return { id, folded: { version, row, size: written?.data.length ?? before.size }, written }
}

function foldAll(projection: ProjectionSpec, row: object | null, found: readonly RowEvent[]): object | null {
  return found.reduce((row, event) => foldEvent(projection, row, event), row)
}

function unitRow(projection: ProjectionSpec, row: object, { stream, version, id }: StoredText): UnitRow {
  const name = tableOf(projection)
  const key = stream.slice(categoryOf(stream).length + 1)
  const { data, fields } = encodeRow(projection, row)
  const page = { name, epoch: 0, from: 0, to: 0, ttlMs: 0, park: [], unpark: [] }
  checkPage({ ...page, rows: [{ key, position: 0, data, fields }] }, { name, indexes: projection.indexes })
  return { table: name, key, data, fields, stream, version, id }
}

function withRows(unit: Unit, folds: readonly SliceFold[]): Unit {
  const rows = folds.flatMap(({ written }) => written ?? [])
  return rows.length ? { ...unit, rows } : unit
}

/** A projection with its previous versions that are still folded. */
function versionsOf(projection: ProjectionSpec): readonly ProjectionSpec[] {
  const { previous, frozen } = projection
  return [projection, ...(previous && !frozen ? versionsOf(previous) : [])]
}

/** An event before the log gives it a place and a time. */
class UnplacedEvent implements StoredText {
  readonly id: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
  readonly stream: string
  readonly version: number

  constructor({ id, type, schema, data, meta }: Slice['events'][number], stream: string, version: number) {
    this.id = id
    this.type = type
    this.schema = schema
    this.data = data
    this.meta = meta
    this.stream = stream
    this.version = version
  }

  get position(): number {
    throw new TypeError('its fold reads the position of an event, which the log gives with the append')
  }

  get at(): string {
    throw new TypeError('its fold reads the time of an event (at), which the log gives with the append; put it into the data')
  }
}
