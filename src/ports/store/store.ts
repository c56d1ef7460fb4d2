// The port to a log, in three parts by who uses them. Payloads cross it as text, byte for byte; every store passes the cases of contract/.
import type { Agenda } from '../agenda/agenda.ts'
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
