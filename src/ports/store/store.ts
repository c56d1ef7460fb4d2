// The port to a log, in parts for their users. Payloads cross it as text, byte for byte. Every store passes the
// cases of contract/.
import type { Agenda } from '../agenda/agenda.ts'
import type { Measured } from '../metrics/meter.ts'
import type { Promises } from '../promises/promises.ts'
import type { ReadModel } from '../read-model/read-model.ts'
import type { Refusals } from '../refusals/refusals.ts'
import type { Samples } from '../samples/samples.ts'
import type { Log } from './log.ts'
import type { Turns } from './turns.ts'
import type { LogIdentity, Upkeep } from './upkeep.ts'
import type { WaitSource } from './waits.ts'
import type { Watch } from './watch.ts'

/** A lasting log of events, with read models and an agenda in the same database. Every call may throw a StoreError. */
export interface Store extends Log, Turns, Watch, Upkeep, Measured, WaitSource {
  readonly system: 'memory' | 'sqlite' | 'postgresql'
  /** Known once `open` has resolved. */
  readonly identity: LogIdentity
  /** The rows that projections keep beside the log. */
  readonly readModel: ReadModel
  /** Commands and timers that are sent now or later. */
  readonly agenda: Agenda
  /** Commands that were refused lately. */
  readonly refusals: Refusals
  /** What nodes have counted lately that is not in the log. */
  readonly samples: Samples
  /** Breaches of promises, and the seals by which a changed event is noticed. */
  readonly promises: Promises
}
