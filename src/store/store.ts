// The port to a log. Payloads cross it as text, byte for byte; every store passes the cases of contract/.
import type { Fact } from '../event/read.ts'
import type { ImportOptions, ImportProgress, Records } from './import.ts'
import type { Agenda } from '../read-model/agenda.ts'
import type { ReadModel } from '../read-model/read-model.ts'

/** An event to be appended. Its id is made once, so that saying an unknown append again is recognised. */
export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
}

/** An event as the log has it. `at` is RFC 3339 in UTC. */
export type StoredEvent = NewEvent & {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly at: string
}

/** A stream's version before the append: exactly so many events (0: it must not exist), at least one, or no matter. */
export type Expectation = number | 'exists' | 'any'

/** What one append does to one stream. Without events it only asks that the expectation holds. */
export type Slice = { readonly stream: string; readonly expect: Expectation; readonly events: readonly NewEvent[] }

/** An idempotency key, stored with the unit it names. Its events are versions `version - count + 1 .. version` of `stream`. */
export type NewKey = {
  readonly key: string
  readonly fingerprint: string
  readonly stream: string
  readonly version: number
  readonly count: number
  /** A rejection as JSON text; null for what was accepted. */
  readonly rejection: string | null
  /** How long the key is kept, in ms; null: until it is deleted. */
  readonly keepMs: number | null
}
/** A key as the log has it; `position` is that of its last event, 0 when it has none. */
export type StoredKey = Omit<NewKey, 'keepMs'> & { readonly position: number }

/** What is appended whole or not at all. No two units of one append share a stream. */
export type Unit = { readonly slices: readonly Slice[]; readonly keys: readonly NewKey[] }

/** Where a slice landed: the stream's version after it, and the position of its last event (0 when it had none). */
export type Landed = { readonly version: number; readonly position: number }

/** A slice whose expectation did not hold. `missed` are the events behind an exact one; null: too many to send, or not exact. */
export type Conflict = {
  readonly stream: string
  readonly expected: Expectation
  readonly actual: number
  readonly missed: readonly StoredEvent[] | null
}

export type UnitOutcome =
  | { readonly outcome: 'appended'; readonly slices: readonly Landed[]; readonly at: string }
  | { readonly outcome: 'conflict'; readonly conflicts: readonly Conflict[] }
  | { readonly outcome: 'duplicate'; readonly keys: readonly StoredKey[] }

/** Which facts to read: those after a version, from a snapshot of this schema version where there is a newer one. */
export type Wanted = { readonly stream: string; readonly after: number; readonly snapshot?: number | undefined }

/** A stream as far as one statement read it. */
export type Loaded = {
  readonly snapshot: Snapshot | null
  readonly facts: readonly Fact[]
  /** The stream's version at the time of reading, and the position of that event. With `more`, facts end before it. */
  readonly version: number
  readonly position: number
  readonly more: boolean
  /** The length of the payloads read, in characters. */
  readonly size: number
}
export type Snapshot = { readonly version: number; readonly state: unknown }
export type NewSnapshot = { readonly stream: string; readonly schema: number; readonly version: number; readonly state: string }

/** The log's name and how often it was restored: positions are reused after a restore to an earlier time. */
export type LogIdentity = { readonly id: string; readonly epoch: number }

/** What became of a log that was restored to an earlier time: its epoch from now on, and what was forgotten with the events that are gone. */
export type Restored = { readonly epoch: number; readonly keys: number; readonly snapshots: number; readonly entries: number }

/**
 * Which events of the log to read. With `until`, none above it: a filter that matches little then still ends soon. With `sizeMax`, a page
 * ends with the event with which its payloads come to so many bytes of UTF-8: it is larger by less than that event, and never empty for it.
 */
export type ReadAllOptions = {
  readonly after: number
  readonly limit: number
  readonly sizeMax?: number
  readonly until?: number
  readonly filter?: Filter
}
/** Which events of a stream to read, those after a version; bounded as `ReadAllOptions` are. */
export type ReadOptions = Pick<ReadAllOptions, 'after' | 'limit' | 'sizeMax'>
/** A stream as a list shows it: its version, and the position and the time of its last event. */
export type StreamHead = { readonly stream: string; readonly version: number; readonly position: number; readonly at: string }
/** Which streams to list: those behind a name (the empty one is before all), of one category where it is named. */
export type StreamsOptions = { readonly after: string; readonly limit: number; readonly category?: string }
/** Told how far the log has come; null: it may have grown. */
export type Wake = (head: number | null) => void
/** Types by category; null: all types of the category. */
export type Filter = ReadonlyMap<string, readonly string[] | null>

/** A lasting log of events. Every call may throw a StoreError. */
export interface Store {
  readonly system: 'memory' | 'sqlite' | 'postgresql'
  /** Known once `open` has resolved. */
  readonly identity: LogIdentity
  /** The rows that projections keep beside the log. */
  readonly readModel: ReadModel
  /** What is to be sent, now or later. */
  readonly agenda: Agenda
  /** Connects, proves what the promises rest on, and refuses what cannot keep them. */
  open(): Promise<void>
  /**
   * Appends each unit whole or not at all, in the order given, with one outcome for each.
   *
   * ORDER: a reader that has passed a position never later finds an event at or below it, whoever writes.
   * Expectations and keys are checked where nobody else can write in between. What is answered is durable.
   */
  append(units: readonly Unit[], options?: { readonly signal?: AbortSignal }): Promise<readonly UnitOutcome[]>
  /**
   * Appends records in the order given, however many, in chunks between which others append; says how far it has come before the first
   * chunk and after each.
   *
   * ONCE: what was moved is remembered under the import's name in the transaction that moves it. After a crash, or a StoreError, the same
   * call goes on where it had come to. Nothing is moved before all records have been read once: what reading throws, this throws.
   */
  import(name: string, records: Records, options: ImportOptions): AsyncGenerator<ImportProgress>
  /** Reads facts of several streams, and keys, in one statement. */
  load(
    wanted: readonly Wanted[],
    keys: readonly string[],
  ): Promise<{ readonly streams: readonly Loaded[]; readonly keys: readonly StoredKey[] }>
  /** One page of a stream: events after a version, oldest first, bounded in number and size. */
  read(stream: string, options: ReadOptions): Promise<readonly StoredEvent[]>
  /** One page of the log: events after a position, oldest first, bounded in number and size, of certain types only where `filter` names them. */
  readAll(options: ReadAllOptions): Promise<readonly StoredEvent[]>
  /** One page of the streams that have events, by name in the order of code points; its cost is that of the page, however many there are. */
  streams(options: StreamsOptions): Promise<readonly StreamHead[]>
  /** The position of the last event, 0 in an empty log. */
  head(): Promise<number>
  /**
   * Calls `wake` when somebody else may have appended: with a position up to which the log has come, or null where it does not know.
   * It may be for nothing, and comes late while the store cannot be reached; never throws for that. Gives what ends it.
   */
  watch(wake: Wake): Promise<() => Promise<void>>
  /** Tells those who watch, in this and other processes, how far the log has come. Soon, not at once, and best effort: it never throws. */
  announce(head: number): void
  /**
   * Raises the log's epoch, after its database was restored to an earlier time and before it is served again: positions are used anew, and
   * whoever names one of before is told apart by the epoch. Idempotency keys, snapshots and what is pending that are of events behind the
   * head are forgotten. Whoever has the log open goes on with the epoch of before: they have to be stopped.
   */
  restored(): Promise<Restored>
  saveSnapshots(snapshots: readonly NewSnapshot[]): Promise<void>
  /** Deletes keys whose time is over; gives how many. */
  forgetKeys(): Promise<number>
  /** Answers once the store can serve; throws where it cannot. */
  ping(): Promise<void>
  close(): Promise<void>
}

/**
 * Why a call did not answer. `unavailable`: nothing was appended, say it again later. `unknown`: it may have been appended; say the
 * same again, with the same ids. `full`: there is no room. `refused`: it will never work, such as a payload the store cannot hold.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly reason: 'unavailable' | 'unknown' | 'full' | 'refused'
  constructor(reason: StoreError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The most a conflict sends of what was missed. Beyond it, it carries only the version. */
export const MISSED_BYTES_MAX = 262_144
/** The most facts of one stream that one load reads. */
export const LOAD_FACTS_MAX = 5_000

/** Whether a page ended because it was full: what was asked for may go on behind its last event. */
export function isFull(page: readonly StoredEvent[], { limit, sizeMax }: Pick<ReadAllOptions, 'limit' | 'sizeMax'>): boolean {
  return page.length >= limit || (sizeMax !== undefined && isOfSize(page, sizeMax))
}

/** Of bytes in UTF-8 there are as many as UTF-16 units at least, and three times as many at most; only in between are they counted. */
function isOfSize(page: readonly StoredEvent[], size: number): boolean {
  const units = page.reduce((sum, { data }) => sum + data.length, 0)
  if (units >= size || units * 3 < size) return units >= size
  return page.reduce((sum, { data }) => sum + Buffer.byteLength(data), 0) >= size
}

/** The first of some events, up to the one with which their payloads come to a size. The rest is not asked for. */
export function upToSize<E extends { readonly data: string }>(events: Iterable<E>, sizeMax: number): readonly E[] {
  const taken: E[] = []
  let size = 0
  for (const event of events) {
    taken.push(event)
    size += Buffer.byteLength(event.data)
    if (size >= sizeMax) break
  }
  return taken
}

/** Between which names the streams of a category are, both ends left out: `-` is the character before `.`. */
export function categoryBounds(category: string): { readonly above: string; readonly below: string } {
  return { above: `${category}-`, below: `${category}.` }
}

/** Whether an expectation holds for a stream of that version. */
export function holds(expect: Expectation, actual: number): boolean {
  if (expect === 'any') return true
  return expect === 'exists' ? actual > 0 : actual === expect
}
