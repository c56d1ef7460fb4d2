// Folds rows again from the log: parked rows, and a row that ceased to fit its schema.
import { encodeRow, foldEvent, type RowEvent } from '../../definitions/projection/fold.ts'
import { background } from '../../lib/turns.ts'
import type { ProjectionSpec } from '../../definitions/projection/projection.ts'
import type { StoredRow } from '../../ports/read-model/rows.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { logPages, streamPages } from '../../ports/store/pages.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import type { Store } from '../../ports/store/store.ts'
import type { Parking, Retries } from '../parking.ts'
import type { ReadFollows } from '../predecessors.ts'
import type { Outbox } from './outbox.ts'
import { type CachedRow, type EncodedRow, noRow, type RowCache } from './row-cache.ts'
import type { RowFolder } from './row-folder.ts'

/** The work to fold an event, in characters, besides that for its data. */
const STEP_SIZE = 256

export type RefoldOptions = {
  readonly store: Store
  readonly projection: ProjectionSpec
  readonly table: Table
  readonly parking: Parking
  readonly cache: RowCache
  readonly folder: RowFolder
  readonly outbox: Outbox | null
  readonly readFollows: ReadFollows
}

export class Refold {
  readonly #options: RefoldOptions

  constructor(options: RefoldOptions) {
    this.#options = options
  }

  /**
   * Folds parked rows again, up to a position. A key begins where its row ends, or from the beginning if its row cannot
   * be read. The keys of a stream begin from the beginning, because their rows hold events behind those that were
   * passed over.
   */
  async retry(retries: Retries, until: number): Promise<void> {
    const from = await this.#restartRows(retries, until)
    const first = [...from.values()].reduce((first, position) => Math.min(first, position), until)
    for await (const rowEvent of this.#rowEvents(first, until, retries))
      if (rowEvent.event.position > (from.get(rowEvent.key) ?? Number.POSITIVE_INFINITY)) this.#foldAgain(rowEvent, retries)
  }

  /**
   * Finds the event by which a row ceased to fit: folds the unsaved events again, and encodes the row after each, which
   * throws if it does not fit. Parks the key there, and gives the row before.
   */
  async findFit(
    key: string,
    cached: CachedRow,
    retries: Retries,
    encode: (row: object | null, position: number) => EncodedRow | Promise<EncodedRow>,
  ): Promise<EncodedRow> {
    const { projection, table, parking } = this.#options
    const until = cached.position
    cached.row = cached.saved
    cached.position = cached.firstUnsaved - 1
    // The row did fit when it was saved.
    let encoded = cached.row ? encodeRow(projection, cached.row) : noRow(table)
    for await (const rowEvent of this.#rowEvents(cached.position, until, retries)) {
      if (rowEvent.key !== key) continue
      const { position } = rowEvent.event
      try {
        const row = foldEvent(projection, cached.row, rowEvent)
        encoded = await encode(row, position)
        cached.row = row
        cached.position = position
      } catch (error) {
        if (error instanceof StoreError) throw error
        parking.parkKey(key, position, error)
        break
      }
    }
    return encoded
  }

  /** Unparks keys and streams, and resets their rows to the start of the fold. Gives that position for each key. */
  async #restartRows(retries: Retries, until: number): Promise<ReadonlyMap<string, number>> {
    const { parking, cache } = this.#options
    for (const place of retries.streams.values()) parking.release(place)
    const fromBeginning = await this.#keysOfStreams(retries, until)
    const stored = await this.#readRows([...retries.keys.keys()])
    const from = new Map<string, number>()
    for (const key of new Set([...retries.keys.keys(), ...fromBeginning])) {
      parking.release({ kind: 'key', key })
      from.set(key, cache.restart(key, fromBeginning.has(key) ? undefined : stored.get(key)).position)
    }
    return from
  }

  async #readRows(keys: readonly string[]): Promise<ReadonlyMap<string, StoredRow>> {
    const { store, table } = this.#options
    return new Map((await store.readModel.rows(table, keys)).map(row => [row.key, row]))
  }

  /** The keys that the events of some streams change. A stream that still cannot be read is parked again. */
  async #keysOfStreams(retries: Retries, until: number): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    for (const stream of retries.streams.keys())
      for await (const page of streamPages(this.#options.store, stream))
        for (const stored of page)
          if (stored.position <= until) for (const { key } of this.#eventsToFold(stored, retries)) keys.add(key)
    return keys
  }

  async *#rowEvents(after: number, until: number, retries: Retries): AsyncGenerator<RowEvent> {
    const { store, projection, readFollows } = this.#options
    for await (const page of logPages(store, { after, until, filter: projection.filter, seesHoles: false }))
      for (const stored of await readFollows(page)) {
        yield* this.#eventsToFold(stored, retries)
        if (background.isOver(STEP_SIZE + stored.data.length)) await background.next()
      }
  }

  #eventsToFold(stored: StoredEvent, retries: Retries): readonly RowEvent[] {
    if (retries.skipsEvent(stored)) return []
    return this.#options.folder.rowEvents(stored).filter(({ key }) => !retries.skipsForKey(key, stored.position))
  }

  #foldAgain(rowEvent: RowEvent, retries: Retries): void {
    const { cache, folder, outbox } = this.#options
    folder.fold(rowEvent)
    const { key, event } = rowEvent
    if (!outbox || retries.isCovered(key, event)) return
    // The event was handled before, so its changes to the agenda are on their way already.
    const cached = cache.getOrAdd(key)
    if (cached.row) cached.row = outbox.dropChanges(cached.row, event.position)
  }
}
