// What every store promises of the breaches and seals that it keeps, a file for each.
import { contract } from '../../../test-support/contract.ts'
import { breaches } from './breaches.ts'
import type { PromisesCase, TestedPromises } from './case.ts'
import { seals } from './seals.ts'

/** Tests promises: each case gets ones of which nothing is known. */
export function promisesContract(name: string, make: () => Promise<TestedPromises>): void {
  contract(`the promises of ${name}`, promisesCases, make)
}

export const promisesCases: readonly PromisesCase[] = [breaches, seals].flat()
