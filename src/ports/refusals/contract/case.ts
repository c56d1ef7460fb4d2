import type { ContractCase } from '../../../test-support/contract.ts'
import type { Refusals } from '../refusals.ts'

/** Empty refusals of their own. */
export type TestedRefusals = { readonly refusals: Refusals; readonly close: () => Promise<void> }

export type RefusalsCase = ContractCase<TestedRefusals>
