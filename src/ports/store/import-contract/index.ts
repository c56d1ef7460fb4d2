// What every store promises of bulk imports, a file for each promise.
import { describe, test } from 'bun:test'
import { type ContractOptions, runWithin } from '../../../test-support/contract.ts'
import type { TestedStore } from '../contract/case.ts'
import type { ImportCase } from './case.ts'
import { records } from './records.ts'
import { repetition } from './repetition.ts'
import { ids } from './ids.ts'
import { newStreams } from './new-streams.ts'
import { unfinished } from './unfinished.ts'

export function importContract(name: string, make: () => Promise<TestedStore>, { share = 1 }: ContractOptions = {}): void {
  describe(`an import into ${name}`, () => {
    for (const { title, run } of importCases)
      test(`an import into ${name} ${title}`, () => runWithin(make, tested => run(tested, make, share)))
  })
}

export const importCases: readonly ImportCase[] = [records, repetition, ids, unfinished, newStreams].flat()
