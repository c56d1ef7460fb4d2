// Runs a projection: folds rows in memory, one page or many, and writes the changed rows together with the checkpoint.
import type { AgendaChange } from '../../definitions/process/instance.ts'
import { encodeRow, type RowEvent } from '../../definitions/projection/fold.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import type { Lease } from '../../ports/read-model/leases.ts'
import type { NewRow } from '../../ports/read-model/progress.ts'
import type { Table, Value } from '../../ports/read-model/tables.ts'
import { logPages } from '../../ports/store/pages.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Announce, Consumer, PageGuard } from '../consumer.ts'
import { NO_RETRIES, Parking, type Retries } from '../parking.ts'
import type { Outbox } from './outbox.ts'
import { Refold } from './refold.ts'
import { type EncodedRow, noRow, RowCache } from './row-cache.ts'
import { RowFolder } from './row-folder.ts'

/** A row that a page changed, with its index values before and after. Null: there was, or is, no row. */
export type RowChange = {
  readonly key: string
  readonly before: readonly Value[] | null
  readonly after: readonly Value[] | null
}
/** Called with the rows that a page changed. Null: too many to list. */
export type OnRowsChanged = (table: Table, position: number, changes: readonly RowChange[] | null) => Promise<void>

/** How often a fold gives way to other work in the process, in ms. */
const YIELD_EVERY_MS = 10
const YIELD_CHECK_EVENTS = 64
const CHANGES_MAX = 2_000

export class Projector implements Consumer {
  readonly #store: Store
  readonly #projection: ProjectionSpec
  readonly #table: Table
  readonly #onRowsChanged: OnRowsChanged | null
  readonly #outbox: Outbox | null
  readonly #clock: () => number
  readonly #parking: Parking
  readonly #cache: RowCache
  readonly #folder: RowFolder
  readonly #refold: Refold
  /** The changes to the agenda for the next page. */
  #agendaChanges: AgendaChange[] = []
  /** Whether the commands of the rows were sent long ago. */
  #isReplaying = false

  constructor(
    store: Store,
    projection: ProjectionSpec,
    table: Table,
    onRowsChanged: OnRowsChanged | null,
    { outbox = null, clock = () => performance.now() }: { readonly outbox?: Outbox | null; readonly clock?: () => number } = {},
  ) {
    this.#store = store
    this.#projection = projection
    this.#table = table
    this.#onRowsChanged = onRowsChanged
    this.#outbox = outbox
    this.#clock = clock
    const parking = new Parking(store)
    const cache = new RowCache(store.readModel, projection, table)
    const folder = new RowFolder(projection, cache, parking)
    this.#parking = parking
    this.#cache = cache
    this.#folder = folder
    this.#refold = new Refold({ store, projection, table, parking, cache, folder, outbox })
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
    for (const stored of events) {
      if (announce) await announce(stored.position, null)
      const rowEvents = this.#folder.rowEvents(stored)
      this.#cache.addPending(rowEvents.length * stored.data.length)
      for (const rowEvent of rowEvents) found.push(rowEvent)
    }
    await this.#loadRows(found)
    await this.#foldAll(found, announce)
  }

  pendingSize = (): number | null => (this.#cache.hasDirty || this.#parking.hasNew ? this.#cache.pendingSize : null)

  save = async (guard: PageGuard): Promise<boolean> => {
    const changes: RowChange[] = []
    const rows = await this.#encodeRows(changes, NO_RETRIES)
    const hasParked = this.#parking.hasNew
    if (!(await this.#commit(guard, rows))) return false
    // While something is parked, all answers made of these rows have to say what they lack.
    const isWhole = hasParked || changes.length > CHANGES_MAX
    if (hasParked || changes.length) await this.#onRowsChanged?.(this.#table, guard.to, isWhole ? null : changes)
    return true
  }

  /** Folds everything up to the checkpoint into an empty table, without sending anything. Durable when it resolves. */
  replay = async (guard: PageGuard): Promise<boolean> => {
    this.#forget(true)
    this.#isReplaying = true
    try {
      const range = { until: guard.to, filter: this.#projection.filter, seesHoles: false }
      for await (const page of logPages(this.#store, range)) {
        await this.handle(page, null)
        if (this.#cache.isHalfFull && !(await this.save(guard))) return false
      }
      return await this.save(guard)
    } finally {
      this.#isReplaying = false
    }
  }

  hasParked = (): boolean => !this.#parking.isEmpty

  retryParked = async (guard: PageGuard): Promise<void> => {
    const retries = await this.#parking.readRetries(guard.name)
    if (!retries) return
    await this.#refold.retry(retries, guard.to)
    const rows = await this.#encodeRows([], retries)
    if (await this.#commit(guard, rows)) await this.#onRowsChanged?.(this.#table, guard.to, null)
    else this.#forget(false)
  }

  #forget(isTableEmpty: boolean): void {
    this.#cache.clear(isTableEmpty)
    this.#parking.forgetChanges()
    this.#agendaChanges = []
  }

  /** Loads rows. A damaged row is parked at its first event. */
  async #loadRows(found: readonly RowEvent[]): Promise<void> {
    if (this.#cache.isComplete) return
    const keys = new Set(found.map(({ key }) => key))
    const damaged = await this.#cache.load([...keys].filter(key => !this.#parking.hasKey(key)))
    for (const [key, error] of damaged) this.#parking.parkKey(key, found.find(one => one.key === key)!.event.position, error)
  }

  async #foldAll(found: readonly RowEvent[], announce: Announce | null): Promise<void> {
    let since = this.#clock()
    for (let i = 0; i < found.length; i++) {
      const rowEvent = found[i]!
      if (announce) await announce(rowEvent.event.position, rowEvent.key)
      this.#folder.fold(rowEvent)
      if (i % YIELD_CHECK_EVENTS === 0 && this.#clock() - since > YIELD_EVERY_MS) {
        await new Promise(resolve => setImmediate(resolve))
        since = this.#clock()
      }
    }
  }

  /**
   * The rows to write, in the order of their keys. A row that does not fit its schema is parked as it was while it did.
   */
  async #encodeRows(changes: RowChange[], retries: Retries): Promise<readonly NewRow[]> {
    const rows: NewRow[] = []
    for (const [key, cached] of this.#cache.dirtyRows()) {
      let encoded = this.#encode(cached.row) ?? (await this.#refold.findFit(key, cached, retries))
      if (this.#outbox && cached.row) {
        const split = this.#outbox.splitRow(key, cached.row, this.#isReplaying)
        for (const change of split.changes) this.#agendaChanges.push(change)
        cached.row = split.row
        if (!split.row) encoded = noRow(this.#table)
      }
      const { data, fields } = encoded
      rows.push({ key, position: cached.position, data, fields })
      changes.push({ key, before: cached.fields, after: data === null ? null : fields })
    }
    return rows
  }

  /** Encodes a row. Null: it does not fit its schema. */
  #encode(row: object | null): EncodedRow | null {
    if (!row) return noRow(this.#table)
    try {
      return encodeRow(this.#projection, row)
    } catch {
      return null
    }
  }

  async #commit(guard: PageGuard, rows: readonly NewRow[]): Promise<boolean> {
    const agenda = this.#outbox?.toAgenda(this.#agendaChanges.splice(0))
    const page = { ...guard, table: this.#table.name, rows, ...this.#parking.changes, ...(agenda && { agenda }) }
    if (!(await this.#store.readModel.commit(page))) return false
    if (agenda) this.#outbox?.onSaved(agenda)
    this.#parking.forgetChanges()
    this.#cache.markSaved(rows)
    return true
  }
}
