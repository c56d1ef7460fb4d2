// An order whose commands are refused, or cannot be sent at all, is undone. Pure: nothing is served.
import { describe, expect, test } from 'bun:test'
import { decisionsOf } from 'emaki/testing'
import { runtime } from 'emaki'
import { fulfilment } from './fulfilment.ts'
import { inventory } from './inventory.ts'
import { order } from './order.ts'
import { payment } from './payment.ts'
import { orders } from './views.ts'

type Told = readonly [stream: string, type: string, data: object]
const PLACED: Told = ['order-o1', 'Placed', { customerId: 'c1', items: [{ sku: 'a', qty: 1, price: 5 }] }]

/** The commands that the last of these events leads to. */
function commandsAfter(...told: readonly Told[]): unknown[] {
  const stored = told.map(([stream, type, data], i) => {
    const place = { id: `e${i + 1}`, stream, version: i + 1, position: i + 1, at: '2030-01-01T00:00:00.000Z' }
    return { ...place, type, schema: 'old', data: JSON.stringify(data), meta: '{"correlation":"c","causation":"c"}' }
  })
  const found = decisionsOf(fulfilment, stored).filter(({ by }) => by.position === told.length)
  return found.flatMap(({ steps }) => steps.flatMap(step => (step.kind === 'command' ? [step.command] : [])))
}

describe('a command of an order', () => {
  test.each([
    ['reserve', inventory.reserve('a', { order: 'o1', qty: 1 })],
    ['request', payment.request('o1', { cents: 5 })],
    ['confirmPayment', order.confirmPayment('o1', {})],
    ['ship', order.ship('o1', { trackingNumber: 'T-o1' })],
  ])('a command to %s that is refused, or cannot be sent, cancels the order', (name, command) => {
    for (const [type, code] of [
      ['Rejected', 'no'],
      ['Failed', 'invalid'],
    ] as const) {
      const answer = { by: 'x', command, code }
      expect(commandsAfter(PLACED, ['fulfilment-o1', type, answer])).toEqual([order.cancel('o1', { reason: `${name}: ${code}` })])
    }
  })

  test('a command that undoes an order, and is refused, leads to nothing more', () => {
    const answer = { by: 'x', command: order.cancel('o1', { reason: 'x' }), code: 'not-cancellable' }
    expect(commandsAfter(PLACED, ['fulfilment-o1', 'Rejected', answer])).toEqual([])
  })

  test('a command that passes on a long reason keeps to what cancel takes', () => {
    const [cancelled] = commandsAfter(PLACED, ['payment-o1', 'Declined', { reason: 'x'.repeat(500) }])
    expect((cancelled as { data: { reason: string } }).data.reason).toHaveLength(500)
  })

  test('a command for an item that is listed several times asks for all of it at once', () => {
    const items = Array.from({ length: 100 }, () => ({ sku: '__proto__', qty: 1_000_000, price: 0 }))
    const wanted = commandsAfter(['order-o1', 'Placed', { customerId: 'c1', items }])
    expect(wanted).toEqual([inventory.reserve('__proto__', { order: 'o1', qty: 100_000_000 })])
  })
})

test('an order of more than can be added up, or that the inventory cannot know, is refused', async () => {
  const emaki = await runtime({ serve: [order, orders] })
  try {
    const items = (price: number) => [{ sku: 'a', qty: 1_000_000, price }]
    const place = (id: string, price: number) => emaki.send(order.place(id, { customerId: 'c1', items: items(price) }))
    expect(await place('o1', 10_000_001)).toMatchObject({ outcome: 'invalid' })
    expect(await place('o1', 1_001)).toMatchObject({ outcome: 'rejected', code: 'too-dear' })
    expect(await place('__proto__', 1)).toMatchObject({ outcome: 'rejected', code: 'no-order-id' })
    expect(await place('o1', 1_000)).toMatchObject({ outcome: 'accepted' })
    expect(await emaki.row(orders, 'o1', { atLeast: 1 })).toMatchObject({ total: 1_000_000_000 })
  } finally {
    await emaki.close()
  }
})

test.each(['.', '..', '', 'a\0'])('an order of a customer or an item that no row can be found by is refused: %j', async text => {
  const emaki = await runtime({ serve: [order] })
  try {
    const item = { sku: 'a', qty: 1, price: 5 }
    const wrong = [
      { customerId: text, items: [item] },
      { customerId: 'c', items: [{ ...item, sku: text }] },
    ]
    for (const data of wrong) expect(await emaki.send(order.place('o1', data))).toMatchObject({ outcome: 'invalid' })
    expect(await emaki.send(order.place('o1', { customerId: 'c', items: [item] }))).toMatchObject({ outcome: 'accepted' })
  } finally {
    await emaki.close()
  }
})
