// The keys and streams that a subscription passes over, because one of their events could not be handled. The next page
// writes the changes.
import { UnreadableEvent } from '../definitions/event/read.ts'
import type { Lease } from '../ports/read-model/leases.ts'
import type { NewParked, Parked } from '../ports/read-model/parked.ts'
import { PageRefused } from '../ports/read-model/page-refused.ts'
import type { NewPage } from '../ports/read-model/progress.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { Report } from '../ports/report/notice.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Store } from '../ports/store/store.ts'
import { reportParked, reportStillParked, reportUnparked } from './report-parked.ts'
import { UnreadableRow } from './unreadable-row.ts'

type ParkedPlace = Pick<Parked, 'kind' | 'key'>
type ParkChanges = Pick<NewPage, 'park' | 'unpark'>

const LOST_OWNER = 'the process ended, or hung, while it handled this event'
const CAUSE_LENGTH_MAX = 2_000

export class Parking {
  readonly #store: Store
  readonly #readModel: ReadModel
  readonly #reader: string
  readonly #keys = new Set<string>()
  readonly #streams = new Set<string>()
  /** The last change of each place that is not written yet. */
  readonly #changes = new Map<string, NewParked | ParkedPlace>()
  /** What was thrown, for the report. */
  readonly #errors = new WeakMap<NewParked, unknown>()
  /** What somebody asked to handle again, and was not reported yet. */
  #released: ParkedPlace[] = []
  readonly #report: Report
  /** How many parked keys and streams were reported when the lease was taken. */
  #reportedCount = 0

  /** `reader`: a fingerprint of the code by which events and rows are read. */
  constructor(store: Store, reader: string, report: Report) {
    this.#store = store
    this.#reader = reader
    this.#readModel = store.readModel
    this.#report = report
  }

  /** Reads the parked keys and streams, and parks the event at which earlier owners ended. */
  async load({ name, position, suspect }: Lease): Promise<void> {
    this.forgetChanges()
    this.#keys.clear()
    this.#streams.clear()
    const parked = await this.#readModel.parked(name)
    for (const place of parked) this.#placesOf(place).add(place.key)
    this.#reportStaying(name, parked.filter(({ again }) => again === null).length)
    if (!suspect || suspect.position <= position) return
    if (suspect.key !== null) return this.parkKey(suspect.key, suspect.position, LOST_OWNER)
    const [event] = await this.#store.readAll({ after: suspect.position - 1, limit: 1 })
    if (event) this.parkStream(event, LOST_OWNER)
  }

  get isEmpty(): boolean {
    return this.count === 0
  }

  // A lookup even in an empty set hashes the text.
  hasKey(key: string): boolean {
    return this.#keys.size > 0 && this.#keys.has(key)
  }

  hasStream(stream: string): boolean {
    return this.#streams.size > 0 && this.#streams.has(stream)
  }

  /** Parks a key at its first event that could not be handled. */
  parkKey(key: string, position: number, error: unknown): void {
    this.#add({ kind: 'key', key, position }, error)
  }

  /** Parks the stream of an event. */
  parkStream({ stream, position }: Pick<StoredEvent, 'stream' | 'position'>, error: unknown): void {
    this.#add({ kind: 'stream', key: stream, position }, error)
  }

  /** Makes durable that a key is tried again from an event on, since a time in ms since 1970. It is not parked. */
  retryKey(key: string, position: number, cause: unknown, retrySince: number): void {
    this.#changes.set(`key ${key}`, { kind: 'key', key, position, cause: causeOf(cause), retrySince })
  }

  /** Ends the retries of a key. */
  forgetRetry(key: string): void {
    this.#changes.set(`key ${key}`, { kind: 'key', key })
  }

  /** Unparks a key or a stream. The next page writes that, unless it is parked again by then. */
  release({ kind, key }: ParkedPlace): void {
    if (!this.#placesOf({ kind }).delete(key)) return
    this.#changes.set(`${kind} ${key}`, { kind, key })
    this.#released.push({ kind, key })
  }

  /** How many keys and streams are parked, written or not. */
  get count(): number {
    return this.#keys.size + this.#streams.size
  }

  /** Whether the next page has changes to write. */
  get hasChanges(): boolean {
    return this.#changes.size > 0
  }

  /** The changes for the next page. */
  get changes(): ParkChanges {
    const park: NewParked[] = []
    const unpark: ParkedPlace[] = []
    for (const change of this.#changes.values()) {
      if ('position' in change) park.push(change)
      else unpark.push(change)
    }
    return { park, unpark }
  }

  /** Reports the changes that a page has written, and forgets them. */
  markWritten(page: Pick<NewPage, 'name' | 'park' | 'unpark'>): void {
    const written = new Set<object>([...page.park, ...page.unpark])
    for (const [place, change] of this.#changes) if (written.has(change)) this.#changes.delete(place)
    if (this.#released.length) reportUnparked(this.#report, page.name, this.#released)
    this.#released = []
    reportParked(this.#report, page, parked => this.#errors.get(parked))
  }

  /** Forgets the changes, because nobody will write them. */
  forgetChanges(): void {
    this.#changes.clear()
    this.#released = []
  }

  /** Whether the row of a place is out of date, because its change is not written yet. */
  isChanging({ kind, key }: ParkedPlace): boolean {
    return this.#changes.has(`${kind} ${key}`)
  }

  /**
   * Reads the keys and streams to handle again. Null: there are none. Somebody asked for them, or a release that reads
   * otherwise could not read them.
   */
  async readRetries(name: string): Promise<Retries | null> {
    const isAsked = ({ again, reader }: Parked) => again !== null || (reader !== null && reader !== this.#reader)
    const asked = (await this.#readModel.parked(name)).filter(isAsked)
    return asked.length ? new Retries(asked) : null
  }

  #readerOf(error: unknown): Pick<NewParked, 'reader'> {
    return error instanceof UnreadableEvent || error instanceof UnreadableRow ? { reader: this.#reader } : {}
  }

  /** Reports what was parked before. A lease that is taken again, after an outage, brings no news. */
  #reportStaying(name: string, count: number): void {
    if (count > 0 && count !== this.#reportedCount) reportStillParked(this.#report, name, count)
    this.#reportedCount = count
  }

  #add(place: Pick<NewParked, 'kind' | 'key' | 'position'>, error: unknown): void {
    const parked = { ...place, cause: causeOf(error), ...this.#readerOf(error) }
    this.#errors.set(parked, error)
    this.#placesOf(parked).add(parked.key)
    this.#changes.set(`${parked.kind} ${parked.key}`, parked)
  }

  #placesOf({ kind }: Pick<ParkedPlace, 'kind'>): Set<string> {
    return kind === 'key' ? this.#keys : this.#streams
  }
}

/** Parked keys and streams to handle again: whole, or without the event that could not be handled. */
export class Retries {
  readonly parked: readonly Parked[]
  readonly keys: ReadonlyMap<string, Parked>
  readonly streams: ReadonlyMap<string, Parked>

  constructor(parked: readonly Parked[]) {
    this.parked = parked
    this.keys = mapKind(parked, 'key')
    this.streams = mapKind(parked, 'stream')
  }

  /** The position of the first event that could not be handled. */
  get first(): number {
    return Math.min(...this.parked.map(({ position }) => position))
  }

  /** Whether to pass over an event for all keys. */
  skipsEvent({ stream, position }: Pick<StoredEvent, 'stream' | 'position'>): boolean {
    return isSkipped(this.streams.get(stream), position)
  }

  /** Whether to pass over an event for one key. */
  skipsForKey(key: string, position: number): boolean {
    return isSkipped(this.keys.get(key), position)
  }

  /** Whether an event was passed over for a key while the key, or the event's stream, was parked. */
  isCovered(key: string, { stream, position }: Pick<StoredEvent, 'stream' | 'position'>): boolean {
    return isAtOrBehind(this.keys.get(key), position) || isAtOrBehind(this.streams.get(stream), position)
  }
}

export const NO_RETRIES: Retries = new Retries([])

function mapKind(parked: readonly Parked[], kind: Parked['kind']): ReadonlyMap<string, Parked> {
  return new Map(parked.flatMap(one => (one.kind === kind ? [[one.key, one] as const] : [])))
}

function isSkipped(parked: Parked | undefined, position: number): boolean {
  return parked?.again === 'skip' && parked.position === position
}

function isAtOrBehind(parked: Parked | undefined, position: number): boolean {
  return parked !== undefined && position >= parked.position
}

/** The text of an error, in a form that every database can keep. */
export function causeOf(error: unknown): string {
  if (error instanceof PageRefused && error.cause !== undefined) return causeOf(error.cause)
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.replaceAll('\0', ' ').slice(0, CAUSE_LENGTH_MAX).toWellFormed()
}
