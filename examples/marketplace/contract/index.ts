// What the marketplace answers over HTTP, wherever it runs: from source or compiled, on SQLite or PostgreSQL.
import { afterAll, beforeAll, expect } from 'bun:test'
import type { ServedProcess } from '../../../src/test-support/served-process.ts'
import { testBodies } from './bodies.ts'
import { marketplaceClient } from './client.ts'
import { testCrashes } from './crashes.ts'
import { testOrders } from './orders.ts'
import { testSteps } from './steps.ts'
import { testStock } from './stock.ts'
import { testViews } from './views.ts'

/** Registers the tests of a marketplace that `start` serves. */
export function marketplaceHttp(start: () => Promise<ServedProcess>): void {
  let served: ServedProcess
  beforeAll(async () => {
    served = await start()
  })
  afterAll(async () => {
    expect(await served?.stop()).toBe(0)
  })
  const marketplace = marketplaceClient(() => served)
  for (const register of [testOrders, testSteps, testBodies, testStock, testViews, testCrashes]) register(marketplace)
}
