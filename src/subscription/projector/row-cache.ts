// The rows that a projector keeps in memory between pages, and its knowledge of them in the table.
import { encodeRow } from '../../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import { sortInTurns } from '../../lib/sort-in-turns.ts'
import { background } from '../../lib/turns.ts'
import { compareText } from '../../ports/read-model/compare-text.ts'
import type { NewRow } from '../../ports/read-model/progress.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { StoredRow } from '../../ports/read-model/rows.ts'
import type { Table, Value } from '../../ports/read-model/tables.ts'
import { causeOf } from '../parking.ts'
import { UnreadableRow } from '../unreadable-row.ts'

/** A row as it is folded so far. `saved` and `firstUnsaved` count only while it is dirty. */
export type CachedRow = {
  /** Null: there is none. */
  row: object | null
  position: number
  /** The position up to which its events are in the row that was read. An append may have written it. */
  readonly foldedTo: number
  isDirty: boolean
  /** The row before its first unsaved event, and the position of that event. */
  saved: object | null
  firstUnsaved: number
  /** Its index values in the table. Null: it is not in the table. */
  fields: readonly Value[] | null
  size: number
}
export type EncodedRow = Pick<NewRow, 'data' | 'fields'>

/**
 * The size up to which rows are kept, in characters of their text. Beyond it all rows are dropped, and read again on
 * demand.
 */
const CACHE_SIZE_MAX = 134_217_728
const LOAD_KEYS_MAX = 2_000
/** The work to read a row, in characters. */
const LOAD_SIZE = 32
/** The assumed size of a row that was never written, in characters. */
const ROW_SIZE = 256
/** The work to save a row, in characters. */
const SAVE_SIZE = 64

export class RowCache {
  readonly #readModel: ReadModel
  readonly #projection: ProjectionSpec
  readonly #table: Table
  #rows = new Map<string, CachedRow>()
  #size = 0
  readonly #dirty = new Set<string>()
  #pendingSize = 0
  /** Whether every row of the table is in memory, so that an unknown key has no row. */
  #isComplete = false

  constructor(readModel: ReadModel, projection: ProjectionSpec, table: Table) {
    this.#readModel = readModel
    this.#projection = projection
    this.#table = table
  }

  /** Forgets all rows. `isComplete`: the table is empty. */
  clear(isComplete: boolean): void {
    this.#evict()
    this.#dirty.clear()
    this.#pendingSize = 0
    this.#isComplete = isComplete
  }

  /** Whether the rows take more than half of the space. */
  get isHalfFull(): boolean {
    return this.#size > CACHE_SIZE_MAX / 2
  }

  /** Whether a key that is not in memory has no row. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  get hasDirty(): boolean {
    return this.#dirty.size > 0
  }

  /**
   * The size of the dirty rows, at most: their size when they were saved, plus that of all events folded into them
   * since.
   */
  get pendingSize(): number {
    return this.#pendingSize
  }

  addPending(size: number): void {
    this.#pendingSize += size
  }

  /**
   * Loads the rows of some different keys that are not in memory. Gives the errors of the damaged ones, which are not
   * kept.
   */
  async load(keys: readonly string[]): Promise<ReadonlyMap<string, Error>> {
    const damaged = new Map<string, Error>()
    const missing = keys.filter(key => !this.#rows.has(key))
    for (let i = 0; i < missing.length; i += LOAD_KEYS_MAX) {
      const some = missing.slice(i, i + LOAD_KEYS_MAX)
      if (background.isOver(some.length * LOAD_SIZE)) await background.next()
      for (const stored of await this.#readModel.rows(this.#table, some)) {
        const read = this.#read(stored)
        if (read instanceof Error) damaged.set(stored.key, read)
        else this.#add(stored.key, read)
        if (background.isOver(ROW_SIZE + stored.data.length)) await background.next()
      }
      for (const key of some) if (!this.#rows.has(key) && !damaged.has(key)) this.#add(key, emptyRow(0))
    }
    return damaged
  }

  /** The row of a key, or an empty one. */
  getOrAdd(key: string): CachedRow {
    const found = this.#rows.get(key)
    if (found) return found
    const row = emptyRow(ROW_SIZE)
    this.#add(key, row)
    return row
  }

  markDirty(key: string, cached: CachedRow, before: object | null): void {
    this.#pendingSize += cached.size
    cached.isDirty = true
    cached.firstUnsaved = cached.position
    cached.saved = before
    this.#dirty.add(key)
  }

  /** Has a row written that was read with its event in it, so that the page announces it. */
  markAhead(key: string, cached: CachedRow): void {
    if (cached.isDirty) return
    this.markDirty(key, cached, cached.row)
    cached.firstUnsaved = cached.position + 1
  }

  /**
   * Begins a key again from its row in the table, or from nothing if the row is missing (undefined) or damaged. The row
   * will be written.
   */
  restart(key: string, stored: StoredRow | undefined): CachedRow {
    const read = stored && this.#read(stored)
    const known = read && !(read instanceof Error) ? read : emptyRow(0)
    const { row, position } = known
    const cached = {
      row,
      position,
      foldedTo: position,
      isDirty: true,
      saved: row,
      firstUnsaved: position + 1,
      fields: null,
      size: ROW_SIZE,
    }
    this.#add(key, cached)
    this.#dirty.add(key)
    return cached
  }

  /** The unsaved rows, in the order in which they are written. */
  async dirtyRows(): Promise<readonly (readonly [string, CachedRow])[]> {
    const keys = await sortInTurns([...this.#dirty], compareText)
    return keys.map(key => [key, this.#rows.get(key)!] as const)
  }

  /** Marks all dirty rows as saved, as these. */
  async markSaved(rows: readonly NewRow[]): Promise<void> {
    this.#dirty.clear()
    this.#pendingSize = 0
    for (const { key, data, fields } of rows) {
      const cached = this.#rows.get(key)!
      const size = data?.length ?? 0
      this.#size += size - cached.size
      cached.size = size
      cached.fields = data === null ? null : fields
      cached.isDirty = false
      if (background.isOver(SAVE_SIZE)) await background.next()
    }
    if (this.#size <= CACHE_SIZE_MAX) return
    this.#evict()
    this.#isComplete = false
  }

  #add(key: string, cached: CachedRow): void {
    const before = this.#rows.get(key)
    this.#size += before ? cached.size - before.size : cached.size + key.length
    this.#rows.set(key, cached)
  }

  #evict(): void {
    this.#rows = new Map()
    this.#size = 0
  }

  /** Reads a row of the table; gives an error if it is damaged. */
  #read({ key, position, data }: StoredRow): CachedRow | Error {
    try {
      const row = JSON.parse(data) as object
      const { fields } = encodeRow(this.#projection, row)
      return { row, position, foldedTo: position, isDirty: false, saved: row, firstUnsaved: position, fields, size: data.length }
    } catch (error) {
      return new UnreadableRow(`${this.#table.name}: the row ${key} cannot be read: ${causeOf(error)}`, { cause: error })
    }
  }
}

function emptyRow(size: number): CachedRow {
  return { row: null, position: 0, foldedTo: 0, isDirty: false, saved: null, firstUnsaved: 0, fields: null, size }
}

export function noRow({ indexes }: Table): EncodedRow {
  return { data: null, fields: indexes.map(() => null) }
}
