// A step in the wrong order is rejected, and a step taken twice changes nothing.
import { describe, expect, test } from 'bun:test'
import { basket, shipment, type Step, type Marketplace } from './client.ts'

export function testSteps({ id, post, eventsOf, after }: Marketplace): void {
  describe('a step in the wrong order', () => {
    const placed: Step[] = [['place', basket]]
    const paid: Step[] = [...placed, ['confirmPayment']]
    const shipped: Step[] = [...paid, ['ship', shipment]]
    const cancelled: Step[] = [...placed, ['cancel']]
    const charged: Step[] = [['charge', { cents: 240 }]]
    const declined: Step[] = [['decline']]
    const refunded: Step[] = [...charged, ['refund']]

    test.each<[string, readonly Step[], Step, string, object]>([
      ['order', placed, ['place', basket], 'already-placed', { status: 'placed' }],
      ['order', paid, ['place', basket], 'already-placed', { status: 'paid' }],
      ['order', shipped, ['place', basket], 'already-placed', { status: 'shipped' }],
      ['order', cancelled, ['place', basket], 'already-placed', { status: 'cancelled' }],
      ['order', [], ['confirmPayment'], 'not-placed', { status: 'none' }],
      ['order', shipped, ['confirmPayment'], 'not-placed', { status: 'shipped' }],
      ['order', cancelled, ['confirmPayment'], 'not-placed', { status: 'cancelled' }],
      ['order', [], ['ship', shipment], 'not-paid', { status: 'none' }],
      ['order', placed, ['ship', shipment], 'not-paid', { status: 'placed' }],
      ['order', cancelled, ['ship', shipment], 'not-paid', { status: 'cancelled' }],
      ['order', shipped, ['ship', { trackingNumber: 'T2' }], 'not-paid', { status: 'shipped' }],
      ['order', [], ['cancel'], 'not-cancellable', { status: 'none' }],
      ['order', shipped, ['cancel'], 'not-cancellable', { status: 'shipped' }],
      ['inventory', [], ['reserve', { order: 'o1', qty: 1 }], 'out-of-stock', { free: 0, wanted: 1 }],
      ['inventory', [['restock', { qty: 3 }]], ['reserve', { order: 'o1', qty: 4 }], 'out-of-stock', { free: 3, wanted: 4 }],
      ['payment', charged, ['charge', { cents: 241 }], 'not-chargeable', { status: 'charged' }],
      ['payment', declined, ['charge', { cents: 240 }], 'not-chargeable', { status: 'declined' }],
      ['payment', refunded, ['charge', { cents: 240 }], 'not-chargeable', { status: 'refunded' }],
      ['payment', charged, ['decline'], 'not-declinable', { status: 'charged' }],
      ['payment', refunded, ['decline'], 'not-declinable', { status: 'refunded' }],
      ['payment', [], ['refund'], 'not-refundable', { status: 'none' }],
      ['payment', declined, ['refund'], 'not-refundable', { status: 'declined' }],
    ])('a step in the wrong order is rejected: %s after %j: %j', async (decider, before, [command, body], code, data) => {
      const instance = id()
      for (const step of before) expect((await after(decider, instance, [step])).status).toBeOneOf([200, 201])
      const path = `/${decider}/${instance}/${command}`
      const { status, headers, body: problem } = await post(path, body)
      expect([status, headers.get('content-type')]).toEqual([422, 'application/problem+json'])
      expect(problem).toEqual({
        type: '/problems/command-rejected',
        title: expect.any(String),
        status: 422,
        code,
        data,
        instance: path,
      } as never)
      expect(await eventsOf(`${decider}-${instance}`)).toHaveLength(before.length)
    })
  })

  describe('a step taken twice', () => {
    test.each<[string, readonly Step[]]>([
      ['order', [['place', basket], ['confirmPayment'], ['confirmPayment']]],
      ['order', [['place', basket], ['confirmPayment'], ['ship', shipment], ['ship', shipment]]],
      ['order', [['place', basket], ['cancel'], ['cancel', { reason: 'again' }]]],
      ['inventory', [['release', { order: 'o1' }]]],
      ['inventory', [['commit', { order: 'o1' }]]],
      [
        'inventory',
        [
          ['restock', { qty: 3 }],
          ['reserve', { order: 'o1', qty: 2 }],
          ['reserve', { order: 'o1', qty: 2 }],
        ],
      ],
      [
        'payment',
        [
          ['charge', { cents: 240 }],
          ['charge', { cents: 240 }],
        ],
      ],
      [
        'payment',
        [
          ['decline', { reason: 'x' }],
          ['decline', { reason: 'y' }],
        ],
      ],
      ['payment', [['charge', { cents: 240 }], ['refund'], ['refund']]],
    ])('a step taken twice changes nothing: %s: %j', async (decider, steps) => {
      const instance = id()
      const { status, body } = await after(decider, instance, steps)
      expect([status, body['events'], body['version']]).toEqual([200, [], steps.length - 1])
      expect(await eventsOf(`${decider}-${instance}`)).toHaveLength(steps.length - 1)
    })
  })
}
