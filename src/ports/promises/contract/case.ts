import type { ContractCase } from '../../../test-support/contract.ts'
import type { Promises } from '../promises.ts'

/** Promises of which nothing is known yet. */
export type TestedPromises = { readonly promises: Promises; readonly close: () => Promise<void> }

export type PromisesCase = ContractCase<TestedPromises>
