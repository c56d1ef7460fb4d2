import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, spec, split } from './events.ts'
import { byEvent, familiesOf, readInFamilies, storedTypes } from './families.ts'
import type { StoredText } from './recorded.ts'
import { fingerprint } from './schema.ts'
import { upcast } from './upcast.ts'

const None = z.object({})
const PlacedV1 = z.object({ customer: z.string() })
const Placed = z.object({ customerId: z.string() })
const Order = events(
  'order',
  { Placed: upcast(Placed, PlacedV1, ({ customer }) => ({ customerId: customer })), Paid: None, Shipped: None, Cancelled: None },
  {
    was: {
      Ordered: 'Placed',
      Sent: 'Shipped',
      Viewed: null,
      PaidAndShipped: split(None, (_, order) => [order.Paid({}), order.Shipped({})]),
    },
  },
)
const Payment = events('payment', { Charged: z.object({ cents: z.int() }), Cancelled: None })
const both = familiesOf('test', [Order, Payment])
const fold = () => {}

describe('families', () => {
  test('families are known by category, one or several', () => {
    expect([...familiesOf('test', Order)]).toEqual([['order', Order[spec]]])
    expect([...both.keys()]).toEqual(['order', 'payment'])
  })

  test('families of one category twice are refused', () => {
    expect(() => familiesOf("projection('x')", [Order, events('order', { Else: None })])).toThrow(
      "projection('x'): two of its families have one category",
    )
  })
})

describe('names of functions by event', () => {
  test('names of functions by event are completed, with a category or without', () => {
    const found = byEvent('test', both, { Placed: fold, 'order.Paid': fold, 'order.Cancelled': fold, Charged: fold })
    const names = [...found].map(([category, types]) => [category, [...types.keys()]])
    expect(names).toEqual([
      ['order', ['Placed', 'Paid', 'Cancelled']],
      ['payment', ['Charged']],
    ])
    expect(byEvent('test', both, undefined).size).toBe(0)
  })

  test.each<[string, string]>([
    [
      'Placedd',
      'test.Placedd is no event of its families; there are order.Placed, order.Paid, order.Shipped, order.Cancelled, payment.Charged',
    ],
    ['Cancelled', "test.Cancelled is in several families: say 'order.Cancelled' or 'payment.Cancelled'"],
    ['payment.Placed', 'test.payment.Placed is no event'],
    ['invoice.Placed', 'test.invoice.Placed is no event'],
    ['Ordered', 'test.Ordered is no event'],
    ['toString', 'test.toString is no event'],
    ['.Placed', 'test..Placed is no event'],
    ['', 'test. is no event'],
  ])('a name of a function by event is refused where there is no such event: %p', (name, message) => {
    expect(() => byEvent('test', both, { [name]: fold })).toThrow(message)
  })

  test('names of functions by event stand for functions and nothing else', () => {
    expect(() => byEvent('test', both, { Placed: 5 })).toThrow('test.Placed is no function')
  })
})

describe('stored types of events', () => {
  const buildFolds = (names: readonly string[]) => byEvent('test', both, Object.fromEntries(names.map(name => [name, fold])))
  const typesOf = (...names: string[]) => Object.fromEntries(storedTypes(both, buildFolds(names)))

  test('the stored types of events are their own, those they were renamed from, and all that was split', () => {
    expect(typesOf('order.Placed')).toEqual({ order: ['Placed', 'Ordered', 'PaidAndShipped'] })
    expect(typesOf('order.Shipped', 'payment.Cancelled')).toEqual({
      order: ['Shipped', 'Sent', 'PaidAndShipped'],
      payment: ['Cancelled'],
    })
    expect(typesOf()).toEqual({})
  })

  const prints = { Placed: fingerprint(Placed), Ordered: fingerprint(PlacedV1) }
  const buildStored = (type: string, category = 'order'): StoredText => ({
    id: 'e1',
    stream: `${category}-a`,
    version: 1,
    position: 1,
    at: '2026-01-01T00:00:00.000Z',
    type,
    schema: prints[type as keyof typeof prints] ?? fingerprint(None),
    data: JSON.stringify({ Placed: { customerId: 'c' }, Ordered: { customer: 'c' } }[type] ?? {}),
    meta: '{}',
  })

  test('the stored types of events leave out nothing that reads as one of them', () => {
    const all = ['Placed', 'Paid', 'Shipped', 'Cancelled', 'Ordered', 'Sent', 'Viewed', 'PaidAndShipped']
    const wanted = fc.subarray(['order.Placed', 'order.Paid', 'order.Shipped', 'order.Cancelled'])
    fc.assert(
      fc.property(wanted, fc.constantFrom(...all), (names, type) => {
        const gives = readInFamilies(both, buildStored(type)).some(event => names.includes(`${event.category}.${event.type}`))
        if (gives) expect(storedTypes(both, buildFolds(names)).get('order')).toContain(type)
      }),
    )
  })

  test('stored events of all releases read as today has them, each with its position', () => {
    expect(readInFamilies(both, buildStored('Ordered'))).toMatchObject([
      { category: 'order', type: 'Placed', data: { customerId: 'c' }, instance: 'a', position: 1 },
    ])
    expect(readInFamilies(both, buildStored('PaidAndShipped')).map(({ type, version }) => [type, version])).toEqual([
      ['Paid', 1],
      ['Shipped', 1],
    ])
    expect(readInFamilies(both, buildStored('Viewed'))).toEqual([])
    for (const other of ['invoice', 'orders', 'order_item', 'ord'])
      expect(readInFamilies(both, buildStored('Placed', other))).toEqual([])
    expect(() => readInFamilies(both, buildStored('Unknown'))).toThrow('order-a')
  })
})
