import type { ContractCase } from '../../../test-support/contract.ts'
import type { Store } from '../store.ts'

/** A store as a case is given it. */
export type TestedStore = {
  /** Open, over an empty log of its own. */
  readonly store: Store
  /** Gives another open store over the same log, as a process has it that starts after a crash. The one before it is not used again. */
  readonly reopen: () => Promise<Store>
  /** Moves the store's time, by which keys expire, so many ms ahead, or back where they are negative and it can be moved back. */
  readonly advance: (ms: number) => Promise<void> | void
  /** Closes what is open and deletes the log. */
  readonly close: () => Promise<void>
}

export type StoreCase = ContractCase<TestedStore>
