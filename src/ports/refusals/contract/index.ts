// What every store promises of refusals, a file for each promise.
import { contract } from '../../../test-support/contract.ts'
import type { RefusalsCase, TestedRefusals } from './case.ts'
import { forgetting } from './forgetting.ts'
import { listing } from './listing.ts'

/** Tests refusals: each case gets empty ones. */
export function refusalsContract(name: string, make: () => Promise<TestedRefusals>): void {
  contract(`the refusals of ${name}`, refusalsCases, make)
}

export const refusalsCases: readonly RefusalsCase[] = [listing, forgetting].flat()
