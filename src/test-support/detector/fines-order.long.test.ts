import { expect, test } from 'bun:test'
import { existsSync } from 'node:fs'
import { FINES } from './fines.ts'
import { scoreFinesOrder } from './fines-order.ts'

test('the order of the log of fines is called seldom as it is, and for most faults, and never more often than it is printed', async () => {
  if (!existsSync(FINES)) {
    console.warn(`detector: NOT CHECKED against the order of the log of fines: there is no ${FINES}; set FINES_CSV`)
    return
  }
  const { calls, printed, found } = await scoreFinesOrder()
  expect(calls).toBeLessThanOrEqual(2)
  expect(printed).toBeGreaterThanOrEqual(calls)
  expect(printed).toBeLessThan(20)
  expect(Object.values(found).reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(0.8 * 160)
  for (const count of Object.values(found)) expect(count).toBeGreaterThanOrEqual(27)
})
