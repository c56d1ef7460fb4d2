import type { ContractCase } from '../../../test-support/contract.ts'
import type { ReadModel } from '../read-model.ts'

/** A read model as a case is given it. */
export type TestedReadModel = {
  /** Open, over an empty database of its own. */
  readonly readModel: ReadModel
  /** Gives another one over the same database, as a process has it that starts after a crash. The one before it is not used again. */
  readonly reopen: () => Promise<ReadModel>
  /** Moves the time, by which leases end, so many ms ahead. */
  readonly advance: (ms: number) => Promise<void> | void
  /** Closes what is open and deletes what is stored. */
  readonly close: () => Promise<void>
}

export type ReadModelCase = ContractCase<TestedReadModel>
