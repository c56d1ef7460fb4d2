// What every cache promises, a file for each promise. A cache keeps its promises when all cases pass.
import { contract } from '../../../test-support/contract.ts'
import type { CacheCase, TestedCache } from './case.ts'
import { entries } from './entries.ts'
import { positions } from './positions.ts'
import { expiry } from './expiry.ts'
import { invalidation } from './invalidation.ts'
import { eviction } from './eviction.ts'
import { claims } from './claims.ts'

/** Tests a cache: each case gets one of its own. */
export function cacheContract(name: string, make: () => Promise<TestedCache>): void {
  contract(`the cache ${name}`, cacheCases, make)
}

export const cacheCases: readonly CacheCase[] = [entries, positions, expiry, invalidation, eviction, claims].flat()
