// Runs a projection: folds rows in memory, one page or many, and writes the changed rows together with the checkpoint.
import type { AgendaChange } from '../../definitions/process/instance.ts'
import { IS_PRODUCTION } from '../../definitions/environment.ts'
import { encodeRow, type RowEvent } from '../../definitions/projection/fold.ts'
import { rowReader } from '../../definitions/projection/fold-fingerprint.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import { background } from '../../lib/turns.ts'
import type { Lease } from '../../ports/read-model/leases.ts'
import { findRefused } from '../../lib/halving.ts'
import { PageRefused } from '../../ports/read-model/page-refused.ts'
import type { NewPage, NewRow } from '../../ports/read-model/progress.ts'
import type { Table, Value } from '../../ports/read-model/tables.ts'
import type { Report } from '../../ports/report/notice.ts'
import { logPages } from '../../ports/store/pages.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Announce, Consumer, PageGuard } from '../consumer.ts'
import { NO_RETRIES, Parking, type Retries } from '../parking.ts'
import { LostFields } from './lost-fields.ts'
import { followsReader, type ReadFollows } from '../predecessors.ts'
import type { Outbox, SavedRow } from './outbox.ts'
import { Refold } from './refold.ts'
import { type CachedRow, type EncodedRow, noRow, RowCache } from './row-cache.ts'
import { RowFolder } from './row-folder.ts'

/** A row that a page changed, with its index values before and after. Null: there was, or is, no row. */
export type RowChange = {
  readonly key: string
  readonly before: readonly Value[] | null
  readonly after: readonly Value[] | null
}
/** Called with the rows that a page changed. Null: too many to list. */
export type OnRowsChanged = (table: Table, position: number, changes: readonly RowChange[] | null) => Promise<void>

/** A row to write: what becomes of it in memory, its index values before, and its changes to the agenda. */
type RowWrite = {
  readonly row: NewRow
  readonly next: object | null
  readonly before: readonly Value[] | null
  readonly changes: readonly AgendaChange[]
  readonly passed: number
}
export type ProjectorOptions = { readonly report: Report; readonly outbox?: Outbox | null }

/** The work for an event or a row, in characters, besides that for its text. */
const STEP_SIZE = 256
const CHANGES_MAX = 2_000

export class Projector implements Consumer {
  readonly #store: Store
  readonly #projection: ProjectionSpec
  readonly #table: Table
  readonly #onRowsChanged: OnRowsChanged | null
  readonly #outbox: Outbox | null
  readonly #parking: Parking
  readonly #cache: RowCache
  readonly #folder: RowFolder
  readonly #refold: Refold
  readonly #lostFields: LostFields
  readonly #readFollows: ReadFollows

  constructor(
    store: Store,
    projection: ProjectionSpec,
    table: Table,
    onRowsChanged: OnRowsChanged | null,
    { report, outbox = null }: ProjectorOptions,
  ) {
    this.#store = store
    this.#projection = projection
    this.#table = table
    this.#onRowsChanged = onRowsChanged
    this.#outbox = outbox
    const parking = new Parking(store, rowReader(projection), report)
    const cache = new RowCache(store.readModel, projection, table)
    const readFollows = followsReader(store, projection)
    this.#readFollows = readFollows
    const folder = new RowFolder(projection, cache, parking)
    this.#parking = parking
    this.#cache = cache
    this.#folder = folder
    // A process stores its states whole.
    this.#lostFields = new LostFields(table.name, report, !IS_PRODUCTION && outbox === null)
    this.#refold = new Refold({ store, projection, table, parking, cache, folder, outbox, readFollows })
  }

  begin = async (lease: Lease): Promise<void> => {
    const { position } = lease
    this.#forget(position === 0)
    await this.#parking.load(lease)
    // An earlier owner may have ended before it announced its changes, so all answers made of these rows are out of
    // date.
    if (position > 0) await this.#onRowsChanged?.(this.#table, position, null)
  }

  handle = async (events: readonly StoredEvent[], announce: Announce | null): Promise<void> => {
    const found: RowEvent[] = []
    for (const stored of await this.#readFollows(events)) {
      if (announce) await announce(stored.position, null)
      const rowEvents = this.#folder.rowEvents(stored)
      this.#cache.addPending(rowEvents.length * stored.data.length)
      for (const rowEvent of rowEvents) found.push(rowEvent)
      if (background.isOver(STEP_SIZE + stored.data.length)) await background.next()
    }
    await this.#loadRows(found)
    await this.#foldAll(found, announce)
  }

  pendingSize = (): number | null => (this.#cache.hasDirty || this.#parking.hasChanges ? this.#cache.pendingSize : null)

  save = async (guard: PageGuard): Promise<boolean> => {
    const { hasChanges, count } = this.#parking
    const writes = await this.#write(guard, NO_RETRIES)
    if (!writes) return false
    const hasParked = hasChanges || this.#parking.count > count
    // While something is parked, all answers made of these rows have to say what they lack.
    // Of a row that an append wrote, nobody knows what it was before.
    const isWhole = hasParked || writes.length > CHANGES_MAX || this.#projection.inline
    if (hasParked || writes.length) await this.#onRowsChanged?.(this.#table, guard.to, isWhole ? null : writes.map(changeOf))
    return true
  }

  /** Folds everything after a position up to the checkpoint into an empty table. Durable when it resolves. */
  replay = async (guard: PageGuard, after: number): Promise<boolean> => {
    this.#forget(true)
    const range = { after, until: guard.to, filter: this.#projection.filter, seesHoles: false }
    for await (const page of logPages(this.#store, range)) {
      await this.handle(page, null)
      if (this.#cache.isHalfFull && !(await this.save(guard))) return false
    }
    return await this.save(guard)
  }

  hasParked = (): boolean => !this.#parking.isEmpty

  retryParked = async (guard: PageGuard): Promise<void> => {
    const retries = await this.#parking.readRetries(guard.name)
    if (!retries) return
    await this.#refold.retry(retries, guard.to)
    if (await this.#write(guard, retries)) await this.#onRowsChanged?.(this.#table, guard.to, null)
    else this.#forget(false)
  }

  #forget(isTableEmpty: boolean): void {
    this.#cache.clear(isTableEmpty)
    this.#parking.forgetChanges()
  }

  /** Loads rows. A damaged row is parked at its first event. */
  async #loadRows(found: readonly RowEvent[]): Promise<void> {
    if (this.#cache.isComplete) return
    const keys = new Set(found.map(({ key }) => key))
    const damaged = await this.#cache.load([...keys].filter(key => !this.#parking.hasKey(key)))
    for (const [key, error] of damaged) this.#parking.parkKey(key, found.find(one => one.key === key)!.event.position, error)
  }

  async #foldAll(found: readonly RowEvent[], announce: Announce | null): Promise<void> {
    for (const rowEvent of found) {
      if (announce) await announce(rowEvent.event.position, rowEvent.key)
      this.#folder.fold(rowEvent)
      if (background.isOver(STEP_SIZE)) await background.next()
    }
  }

  /**
   * Writes the dirty rows with the checkpoint. A row that can never be written is parked as it was while it could, and
   * the others go on. Null: another owner has taken over.
   */
  async #write(guard: PageGuard, retries: Retries): Promise<readonly RowWrite[] | null> {
    const writes = await this.#encodeRows(retries)
    try {
      return await this.#commit(guard, writes)
    } catch (error) {
      if (!(error instanceof PageRefused)) throw error
    }
    return this.#commit(guard, await this.#parkRefused(guard, writes, retries))
  }

  /**
   * The rows to write, in the order of their keys. A row that does not fit its schema is parked as it was while it did.
   */
  async #encodeRows(retries: Retries): Promise<readonly RowWrite[]> {
    const writes: RowWrite[] = []
    for (const [key, cached] of await this.#cache.dirtyRows()) {
      const encoded = this.#encodeFitting(cached.row) ?? (await this.#refold.findFit(key, cached, retries, this.#encode))
      this.#lostFields.compare(key, cached.row, encoded.data)
      writes.push(this.#prepareWrite(key, cached, encoded))
      if (background.isOver(STEP_SIZE + (encoded.data?.length ?? 0))) await background.next()
    }
    return writes
  }

  /** Finds the rows that can never be written, parks their keys, and gives all rows as they can be written. */
  async #parkRefused(guard: PageGuard, writes: readonly RowWrite[], retries: Retries): Promise<readonly RowWrite[]> {
    const refused = new Set(await findRefused(writes, group => this.#isRefused(guard, group)))
    const writable: RowWrite[] = []
    for (const write of writes) writable.push(refused.has(write) ? await this.#cutWrite(guard, write, retries) : write)
    return writable
  }

  /** Parks a key at the event by which its row ceased to be writable, and gives the row before that. */
  async #cutWrite(guard: PageGuard, { row: { key } }: RowWrite, retries: Retries): Promise<RowWrite> {
    const cached = this.#cache.getOrAdd(key)
    const encoded = await this.#refold.findFit(key, cached, retries, async (row, position) => {
      const encoded = this.#encode(row)
      await this.#tryWrites(guard, [this.#prepareWrite(key, { ...cached, row, position }, encoded)])
      return encoded
    })
    return this.#prepareWrite(key, cached, encoded)
  }

  async #isRefused(guard: PageGuard, writes: readonly RowWrite[]): Promise<boolean> {
    try {
      await this.#tryWrites(guard, writes)
      return false
    } catch (error) {
      if (error instanceof PageRefused) return true
      throw error
    }
  }

  #tryWrites(guard: PageGuard, writes: readonly RowWrite[]): Promise<boolean> {
    return this.#store.readModel.commit({ ...this.#pageOf(guard, writes), isTrial: true })
  }

  #prepareWrite(key: string, { row, position, fields: before }: CachedRow, encoded: EncodedRow): RowWrite {
    const split = row && this.#outbox ? this.#outbox.splitRow(key, row) : { row, changes: [], passed: 0 }
    const { data, fields } = split.row ? encoded : noRow(this.#table)
    return { row: { key, position, data, fields }, next: split.row, before, changes: split.changes, passed: split.passed }
  }

  /** Encodes a row. Null: it does not fit its schema. */
  #encodeFitting(row: object | null): EncodedRow | null {
    try {
      return this.#encode(row)
    } catch {
      return null
    }
  }

  readonly #encode = (row: object | null): EncodedRow => (row ? encodeRow(this.#projection, row) : noRow(this.#table))

  async #commit(guard: PageGuard, writes: readonly RowWrite[]): Promise<readonly RowWrite[] | null> {
    const page = { ...this.#pageOf(guard, writes), ...this.#parking.changes }
    if (!(await this.#store.readModel.commit(page))) return null
    if (page.agenda) this.#outbox?.onSaved(page.agenda, writes.map(savedRowOf))
    this.#parking.markWritten(page)
    for (const { row, next } of writes) this.#cache.getOrAdd(row.key).row = next
    await this.#cache.markSaved(page.rows)
    return writes
  }

  #pageOf(guard: PageGuard, writes: readonly RowWrite[]): NewPage {
    const agenda = this.#outbox?.toAgenda(writes.flatMap(({ changes }) => changes))
    const rows = writes.map(({ row }) => row)
    const table = this.#table.name
    const { inline: keepsNewer } = this.#projection
    const isRebuildable = !this.#outbox
    return { ...guard, table, rows, park: [], unpark: [], isRebuildable, keepsNewer, ...(agenda && { agenda }) }
  }
}

function savedRowOf({ row: { key }, next, passed }: RowWrite): SavedRow {
  return { key, row: next, passed }
}

function changeOf({ row: { key, data, fields }, before }: RowWrite): RowChange {
  return { key, before, after: data === null ? null : fields }
}
