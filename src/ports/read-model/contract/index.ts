// What every read model promises, a file for each promise.
import { type ContractOptions, contract } from '../../../test-support/contract.ts'
import type { ReadModelCase, TestedReadModel } from './case.ts'
import { tables } from './tables.ts'
import { filtering } from './filtering.ts'
import { fingerprints } from './fingerprints.ts'
import { leases } from './leases.ts'
import { pages } from './pages.ts'
import { payloads } from './payloads.ts'
import { progress } from './progress.ts'
import { parkedKeys } from './parked-keys.ts'
import { reading } from './reading.ts'
import { tallying } from './tallying.ts'
import { properties } from './properties.ts'

/** Tests a read model: each case gets one of its own. */
export function readModelContract(name: string, make: () => Promise<TestedReadModel>, options?: ContractOptions): void {
  contract(`the read model of ${name}`, readModelCases, make, options)
}

export const readModelCases: readonly ReadModelCase[] = [
  tables, leases, pages, payloads, progress, parkedKeys, fingerprints, reading, filtering, tallying, properties,
].flat() // biome-ignore format: one list
