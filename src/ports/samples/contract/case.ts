import type { ContractCase } from '../../../test-support/contract.ts'
import type { Samples } from '../samples.ts'

/** Empty samples of their own. */
export type TestedSamples = { readonly samples: Samples; readonly close: () => Promise<void> }

export type SamplesCase = ContractCase<TestedSamples>
