// An order is placed once, and goes from placed to shipped or cancelled.
import { describe, expect, test } from 'bun:test'
import { basket, shipment, type Marketplace } from './client.ts'

// biome-ignore format: one list
const ODD = [
  "o'brien", '"', '\\', '$$', '$1', '{x}', '%I', '%s', ';', '--', "'; drop table events; --", 'toString', '__proto__', 'null', ' ', '\t', '\n', '\r\n',
  'ü', 'u\u0308', '日本語', '\u202e', '\u2028', '\ufeff', '\uffff', '\u{10ffff}', '👩‍👩‍👧‍👦', '\u0001', '\u007f', '../..', '?#&',
]

export function testOrders({ id, ask, post, eventsOf, after, readText }: Marketplace): void {
  describe('an order', () => {
    test('an order that is placed is one event, and GET answers with its state', async () => {
      const order = id()
      const { status, headers, body } = await post(`/order/${order}/place`, basket)
      expect([status, headers.get('location'), headers.get('etag')]).toEqual([201, `/order/${order}`, '"1"'])
      expect(body).toEqual({
        id: order,
        stream: `order-${order}`,
        version: 1,
        position: Number(headers.get('event-position')),
        events: [{ type: 'Placed', data: basket }],
      })
      expect(await eventsOf(`order-${order}`)).toMatchObject([
        { type: 'Placed', data: basket, position: body['position'] as number },
      ])
      expect((await ask(`/order/${order}`)).body).toEqual({ status: 'placed', ...basket, trackingNumber: null })
    })

    test('an order that is placed without an id gets one', async () => {
      const { status, headers } = await post('/order/place', basket)
      expect(status).toBe(201)
      expect((await ask(headers.get('location')!)).body).toMatchObject({ status: 'placed' })
    })

    test('an order that is sent four times with one key is placed once', async () => {
      const order = id()
      const place = () => post(`/order/${order}/place`, basket, { 'Idempotency-Key': `key-${order}` })
      const answers = await Promise.all([place(), place(), place(), place()])
      expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201])
      expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
      expect(await eventsOf(`order-${order}`)).toHaveLength(1)
      expect(
        (await post(`/order/${order}/place`, { ...basket, customerId: 'c2' }, { 'Idempotency-Key': `key-${order}` })).status,
      ).toBe(422)
    })

    test('an order that is placed with If-None-Match: * answers 412 where it exists', async () => {
      const order = id()
      const place = () => post(`/order/${order}/place`, basket, { 'If-None-Match': '*' })
      expect((await place()).status).toBe(201)
      const { status, headers } = await place()
      expect([status, headers.get('etag')]).toEqual([412, '"1"'])
    })

    test('an order that is placed, paid and shipped has three events', async () => {
      const order = id()
      await after('order', order, [['place', basket], ['confirmPayment'], ['ship', shipment]])
      const { body, headers } = await ask(`/order/${order}`)
      expect([body, headers.get('etag')]).toEqual([{ status: 'shipped', ...basket, ...shipment }, '"3"'])
      expect((await eventsOf(`order-${order}`)).map(({ type }) => type)).toEqual(['Placed', 'PaymentConfirmed', 'Shipped'])
    })

    test('an order is cancelled with a reason, or with none given', async () => {
      const [one, two] = [id(), id()]
      await after('order', one, [
        ['place', basket],
        ['cancel', { reason: 'too late' }],
      ])
      await after('order', two, [['place', basket], ['confirmPayment'], ['cancel']])
      expect((await eventsOf(`order-${one}`))[1]).toMatchObject({ type: 'Cancelled', data: { reason: 'too late' } })
      expect((await eventsOf(`order-${two}`))[2]).toMatchObject({ type: 'Cancelled', data: { reason: 'none given' } })
    })
  })

  test('an order with odd ids and texts comes back byte for byte', async () => {
    await Promise.all(
      ODD.map(async text => {
        const order = `${id()}${text}`
        const odd = { customerId: text, items: [{ sku: text, qty: 1, price: 0 }] }
        const { headers, body } = await post(`/order/${encodeURIComponent(order)}/place`, odd, {
          'Idempotency-Key': `odd-${id()}`,
        })
        expect(body).toMatchObject({ id: order, stream: `order-${order}`, events: [{ type: 'Placed', data: odd }] })
        expect((await ask(headers.get('location')!)).body).toMatchObject(odd)
        const stored = await readText(`/streams/${encodeURIComponent(`order-${order}`)}`)
        expect(stored).toContain(`"data":${JSON.stringify(odd)},`)
      }),
    )
  })
}
