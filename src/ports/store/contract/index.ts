// What every store promises, a file for each promise. A store keeps its promises when all cases pass.
import { type ContractOptions, contract } from '../../../test-support/contract.ts'
import type { StoreCase, TestedStore } from './case.ts'
import { order } from './order.ts'
import { expectations } from './expectations.ts'
import { atomicity } from './atomicity.ts'
import { checks } from './checks.ts'
import { conflicts } from './conflicts.ts'
import { keys } from './keys.ts'
import { sentKeys } from './sent-keys.ts'
import { payloads } from './payloads.ts'
import { time } from './time.ts'
import { reading } from './reading.ts'
import { pages } from './pages.ts'
import { backwards } from './backwards.ts'
import { loading } from './loading.ts'
import { streams } from './streams.ts'
import { watching } from './watching.ts'
import { lifecycle } from './lifecycle.ts'
import { snapshots } from './snapshots.ts'
import { unitRows } from './unit-rows.ts'

/** Tests a store: each case gets one of its own. */
export function storeContract(name: string, make: () => Promise<TestedStore>, options?: ContractOptions): void {
  contract(`the store ${name}`, storeCases, make, options)
}

export const storeCases: readonly StoreCase[] = [
  order, expectations, atomicity, checks, conflicts, keys, sentKeys, payloads, time, reading, pages, backwards, loading, streams, snapshots, unitRows, watching, lifecycle,
].flat() // biome-ignore format: one list
