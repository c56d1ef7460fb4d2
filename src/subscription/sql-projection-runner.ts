// Runs a SQL projection: user code writes a page of events, in one transaction with the checkpoint.
import { errorWithoutSecrets } from '../definitions/secret-fields.ts'
import { eventReader } from '../definitions/event/fingerprints.ts'
import type { Recorded } from '../definitions/event/events.ts'
import { readInFamilies } from '../definitions/event/families.ts'
import { type SqlProjectionSpec, sqlTableName, subscriptionOf, type Writing } from '../definitions/projection/sql-projection.ts'
import { background } from '../lib/turns.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import { halve } from '../lib/halving.ts'
import { PageRefused } from '../ports/read-model/page-refused.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import { streamPages } from '../ports/store/pages.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import type { Consumer, PageGuard } from './consumer.ts'
import { Parking } from './parking.ts'

/** A stored event, and today's events that it became. */
type UpcastEvent = { readonly stored: StoredEvent; readonly events: readonly Recorded[] }

const EVENTS_MAX = 1_000
/** The work for an event, in characters, besides that for its data. */
const STEP_SIZE = 256

export class SqlProjectionRunner implements Consumer {
  readonly eventsMax: number = EVENTS_MAX
  readonly #store: Store
  readonly #projection: SqlProjectionSpec
  readonly #parking: Parking
  #unsaved: UpcastEvent[] = []
  /** The streams of which the page that is being written has parked an event. */
  readonly #refusedStreams = new Set<string>()
  #saving: readonly UpcastEvent[] = []

  constructor(store: Store, projection: SqlProjectionSpec, report: Report) {
    this.#store = store
    this.#projection = projection
    this.#parking = new Parking(store, eventReader(projection.families), report)
  }

  begin = async (lease: Lease): Promise<void> => {
    this.#unsaved = []
    await this.#parking.load(lease)
  }

  handle = async (events: readonly StoredEvent[]): Promise<void> => {
    for (const stored of events) {
      if (this.#parking.hasStream(stored.stream)) continue
      try {
        this.#unsaved.push(this.#upcast(stored))
      } catch (error) {
        this.#parking.parkStream(stored, error)
      }
      if (background.isOver(STEP_SIZE + stored.data.length)) await background.next()
    }
  }

  /** Always more than the bound, so that a page is written before the next is read. */
  pendingSize = (): number | null => (this.#unsaved.length || this.#parking.hasChanges ? Number.POSITIVE_INFINITY : null)

  save = async (guard: PageGuard): Promise<boolean> => {
    const events = this.#unsaved
    this.#unsaved = []
    this.#saving = events
    this.#refusedStreams.clear()
    try {
      return await this.#saveInParts(guard, events)
    } finally {
      this.#saving = []
    }
  }

  current = (): { readonly key: string; readonly position: number } | null => {
    const [first] = this.#saving
    return first ? { key: first.stored.stream, position: first.stored.position } : null
  }

  hasParked = (): boolean => !this.#parking.isEmpty

  retryParked = async (guard: PageGuard): Promise<void> => {
    const retries = await this.#parking.readRetries(guard.name)
    for (const parked of retries?.parked ?? []) if (!(await this.#retryStream(guard, parked))) return
  }

  /** Handles the rest of a stream, and parks the stream again if that fails. False: another owner has taken over. */
  async #retryStream(guard: PageGuard, parked: Parked): Promise<boolean> {
    this.#parking.release(parked)
    try {
      return await this.#commit({ ...guard, from: guard.to }, await this.#readRest(parked, guard.to))
    } catch (error) {
      if (error instanceof StoreError) throw error
      this.#parking.parkStream({ stream: parked.key, position: parked.position }, error)
      return true
    }
  }

  /** The events of a parked stream, from the first to handle up to a position. */
  async #readRest({ key, position, again }: Parked, until: number): Promise<readonly UpcastEvent[]> {
    const from = again === 'skip' ? position + 1 : position
    const rest: UpcastEvent[] = []
    for await (const page of streamPages(this.#store, key))
      for (const stored of page) if (stored.position >= from && stored.position <= until) rest.push(this.#upcast(stored))
    return rest
  }

  /**
   * Writes events with the checkpoint. What is refused is halved, down to an event whose stream is parked. False: another
   * owner has taken over.
   */
  async #saveInParts(guard: PageGuard, all: readonly UpcastEvent[]): Promise<boolean> {
    // Events of a stream that was parked as they were read stand before the one that could not be.
    const events = all.filter(({ stored }) => !this.#refusedStreams.has(stored.stream))
    try {
      return await this.#commit(guard, events)
    } catch (error) {
      if (!(error instanceof PageRefused) || !events.length) throw error
      if (events.length === 1) {
        this.#refusedStreams.add(events[0]!.stored.stream)
        this.#parking.parkStream(events[0]!.stored, error)
        return this.#commit(guard, [])
      }
    }
    const [first, second] = halve(events)
    const middle = first.at(-1)!.stored.position
    return (await this.#saveInParts({ ...guard, to: middle }, first)) && this.#saveInParts({ ...guard, from: middle }, second)
  }

  async #commit(guard: PageGuard, upcast: readonly UpcastEvent[]): Promise<boolean> {
    const events = upcast.flatMap(({ events }) => events)
    const isRun = events.length > 0 || guard.from === 0
    const page = { ...guard, rows: [], ...this.#parking.changes, isRebuildable: true }
    const isSaved = await this.#store.readModel.commit(
      isRun ? { ...page, run: sql => this.#write(sql, events, guard.from === 0) } : page,
    )
    if (isSaved) this.#parking.markWritten(page)
    return isSaved
  }

  #write(sql: unknown, events: readonly Recorded[], isFirst: boolean): unknown {
    const { create, handle } = this.#projection
    const prefix = subscriptionOf(this.#projection)
    // The projection was written for this client.
    const writing: Writing = { sql: sql as never, t: table => sqlTableName(prefix, table) }
    const created = isFirst ? create(writing) : undefined
    const write = () => (events.length ? handle(events, writing) : undefined)
    const hide = (error: unknown) => errorWithoutSecrets(error, ...events.map(({ data }) => data))
    try {
      const written = created instanceof Promise ? created.then(write) : write()
      return written instanceof Promise ? written.catch(error => Promise.reject(hide(error))) : written
    } catch (error) {
      throw hide(error)
    }
  }

  #upcast(stored: StoredEvent): UpcastEvent {
    return { stored, events: readInFamilies(this.#projection.families, stored) }
  }
}
