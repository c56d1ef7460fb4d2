// The port to a log, in three parts by who uses them. Payloads cross it as text, byte for byte; every store passes the cases of contract/.
import type { Agenda } from '../read-model/agenda.ts'
import type { ReadModel } from '../read-model/read-model.ts'
import type { Log } from './log.ts'
import type { LogIdentity, Upkeep } from './upkeep.ts'
import type { Watch } from './watch.ts'

/** A lasting log of events, and what stands beside it in the same database. Every call may throw a StoreError. */
export interface Store extends Log, Watch, Upkeep {
  readonly system: 'memory' | 'sqlite' | 'postgresql'
  /** Known once `open` has resolved. */
  readonly identity: LogIdentity
  /** The rows that projections keep beside the log. */
  readonly readModel: ReadModel
  /** What is to be sent, now or later. */
  readonly agenda: Agenda
}

export * from './errors.ts'
export type * from './event.ts'
export { LOAD_FACTS_MAX } from './load.ts'
export type { LoadedStream as Loaded, LoadRequest as Wanted, NewSnapshot, Snapshot } from './load.ts'
export type * from './log.ts'
export { isFull, upToSize } from './page-size.ts'
export { isMet as holds, MISSED_BYTES_MAX } from './unit.ts'
export type { Conflict, Expectation, NewKey, Slice, SliceResult as Landed, StoredKey, Unit, UnitOutcome } from './unit.ts'
export type { LogIdentity, RestoreResult as Restored } from './upkeep.ts'
export type { Wake } from './watch.ts'

/** Between which names the streams of a category are, both ends left out: `-` is the character before `.`. */
export function categoryBounds(category: string): { readonly above: string; readonly below: string } {
  return { above: `${category}-`, below: `${category}.` }
}
