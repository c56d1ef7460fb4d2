import { expect, test } from 'bun:test'
import { hoursOf, scoreFaults, scoreUntouched } from './marketplace.ts'
import { FAULTS } from './marketplace/faults.ts'

/** What has to be among the calls of a fault, and within how many hours of virtual time. */
const FOUND: Readonly<Record<string, readonly [kind: string, what: string, hours: number]>> = {
  'the payment provider is down': ['rate', 'payment.Charged', 12],
  'payments are made twice': ['rate', 'payment.Charged', 24],
  'orders are shipped twice': ['rate', 'order.Shipped', 24],
  'prices are 100 times as much': ['shape', 'items[].price of order.Placed', 24],
  'a deploy drops the reason of customers who cancel': ['shape', 'reason of order.Cancelled', 96],
  'one saga in five is stuck before its payment': ['shape', 'reason of order.Cancelled', 48],
  'a bot places orders, four times as many in all': ['rate', 'order.Placed', 6],
  'a bot is rejected, four times as often in all': ['ratio', 'rejected order.place', 24],
  'the process takes two minutes for each event': ['ratio', 'rejected order.cancel', 48],
  'one decision in five conflicts': ['ratio', 'conflicts order', 6],
  'nothing is restocked': ['rate', 'inventory.Restocked', 48],
  'one order in twenty is shipped before it is paid': ['order', 'order.Shipped', 2],
}

test('detectors find each fault of the marketplace by what it changes', async () => {
  // What finds the others is the fault, and not the week: nothing is called where nothing changes.
  const [none, ...scores] = await scoreFaults([{ name: 'nothing', behaviour: {} }, ...FAULTS])
  expect(none!.called).toEqual([])
  expect(scores).toHaveLength(12)
  for (const { fault, called } of scores) {
    const [kind, what, hours] = FOUND[fault.name]!
    const call = called.find(one => one.kind === kind && one.what === what)
    expect([fault.name, call !== undefined && hoursOf(call) <= hours]).toEqual([fault.name, true])
  }
})

test('weeks of the marketplace without a fault have at most twice as many calls as are printed, and one note', async () => {
  const { weeks, calls, printed, notes } = await scoreUntouched([11, 12])
  expect(weeks).toBe(8)
  expect(printed).toBeGreaterThan(0.5)
  expect(calls).toBeLessThanOrEqual(2 * printed + 1)
  expect(notes).toBeLessThanOrEqual(1)
})
