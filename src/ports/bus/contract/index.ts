// What every bus promises, a file for each promise.
import { describe, test } from 'bun:test'
import type { BusCase, TestedBus } from './case.ts'
import { delivery } from './delivery.ts'
import { listeners } from './listeners.ts'
import { isolation } from './isolation.ts'

/** Tests a bus: each case gets one of its own. */
export function busContract(name: string, make: () => TestedBus): void {
  describe(`the contract of ${name}`, () => {
    for (const { title, run } of busCases) test(`${name} ${title}`, () => run(make()))
  })
}

export const busCases: readonly BusCase[] = [delivery, listeners, isolation].flat()
