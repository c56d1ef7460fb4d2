// What every store promises of samples, a file for each promise.
import { contract } from '../../../test-support/contract.ts'
import { adding } from './adding.ts'
import type { SamplesCase, TestedSamples } from './case.ts'
import { listing } from './listing.ts'

/** Tests samples: each case gets empty ones. */
export function samplesContract(name: string, make: () => Promise<TestedSamples>): void {
  contract(`the samples of ${name}`, samplesCases, make)
}

export const samplesCases: readonly SamplesCase[] = [adding, listing].flat()
