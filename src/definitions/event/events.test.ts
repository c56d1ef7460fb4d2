import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, rememberFit, spec, split } from './events.ts'
import { encode } from './payload.ts'
import { anyUnit } from '../../test-support/any-text.ts'

const Item = z.object({ sku: z.string(), qty: z.int().positive() })
const Order = events('order', {
  Placed: z.object({ customerId: z.string(), items: z.array(Item), note: z.string().optional() }),
  Shipped: z.object({}),
})

describe('a constructor', () => {
  test('a constructor makes an event, as data', () => {
    const data = { customerId: 'c1', items: [{ sku: 'a', qty: 1 }] }
    expect(Order.Placed(data)).toStrictEqual({ category: 'order', type: 'Placed', data })
    expect(Order.Shipped({})).toStrictEqual({ category: 'order', type: 'Shipped', data: {} })
  })

  test('a constructor names the event and every path where its data does not fit', () => {
    const wrong = { customerId: 1, items: [{ sku: 'a', qty: 0 }] } as never
    expect(() => Order.Placed(wrong)).toThrow(TypeError)
    expect(() => Order.Placed(wrong)).toThrow(/^order\.Placed: customerId: .*expected string.*; items\.0\.qty: .*>0/)
    expect(() => Order.Placed(null as never)).toThrow(/^order\.Placed: .*expected object/)
  })

  test('a constructor copies its data, so that later changes by the caller have no effect', () => {
    const data = { customerId: 'c1', items: [{ sku: 'a', qty: 1 }] }
    const event = Order.Placed(data)
    data.items.push({ sku: 'b', qty: 2 })
    expect(event.data.items).toHaveLength(1)
  })

  test('a constructor leaves out properties that its schema does not know, and those that are undefined', () => {
    const event = Order.Placed({ customerId: 'c1', items: [], note: undefined, extra: 1 } as never)
    expect(event.data).toStrictEqual({ customerId: 'c1', items: [] })
  })

  test('a constructor makes what encode gives back', () => {
    const placed = fc.record(
      {
        customerId: fc.string({ unit: anyUnit }),
        items: fc.array(fc.record({ sku: fc.string(), qty: fc.integer({ min: 1 }) })),
        note: fc.option(fc.string(), { nil: undefined }),
      },
      { requiredKeys: ['customerId', 'items'] },
    )
    fc.assert(
      fc.property(placed, data => {
        const event = Order.Placed(data)
        expect(JSON.parse(encode(event.data))).toStrictEqual(event.data)
      }),
    )
  })

  test('a constructor makes anything JSON holds where the schema takes anything', () => {
    const Any = events('any', { Said: z.unknown() })
    expect(Any.Said({ a: { b: undefined }, c: [1] }).data).toStrictEqual({ a: {}, c: [1] })
  })
})

describe('a family', () => {
  test('a family has its constructors and nothing else, and cannot be changed', () => {
    expect(Object.keys(Order)).toEqual(['Placed', 'Shipped'])
    expect(Object.isFrozen(Order)).toBeTrue()
    expect('toString' in Order).toBeFalse()
    expect(Order[spec]).toMatchObject({ kind: 'events', name: 'order' })
  })

  test('a family may have types named like inherited properties of objects', () => {
    const Odd = events('odd', { constructor: z.object({}), toString: z.object({ a: z.int() }), hasOwnProperty: z.object({}) })
    expect(Odd.toString({ a: 1 })).toMatchObject({ type: 'toString', data: { a: 1 } })
    expect(Odd.constructor({})).toMatchObject({ type: 'constructor' })
  })

  test.each(['', 'a-b', '1st', 'a b', 'a.b', 'ü', '_x', '__proto__', 'x'.repeat(128)])(
    'a family is refused with a type %p',
    type => {
      expect(() => events('order', { [type]: z.object({}) })).toThrow('an event type is letters, digits and _')
    },
  )

  test('a family takes categories and types up to their bounds', () => {
    expect(() => events('x'.repeat(40), { ['X'.repeat(127)]: z.object({}) })).not.toThrow()
  })
})

describe('former types of a family', () => {
  const none = z.object({})

  test('a former type is refused where it is a type of today too', () => {
    expect(() => events('order', { Placed: none }, { was: { Placed: null } })).toThrow(
      'order.Placed is both a type of today and an old one in was',
    )
  })

  test('a former type is refused where its new name is no type of today', () => {
    expect(() => events('order', { Placed: none }, { was: { Sent: 'Shipped' as never } })).toThrow(
      'order.Sent was renamed to Shipped, which is no type of order',
    )
  })

  test('a former type is known to its family', () => {
    const Changed = events(
      'order',
      { Placed: none, Shipped: none },
      { was: { Sent: 'Shipped', Looked: null, Done: split(none, (_, order) => [order.Placed({}), order.Shipped({})]) } },
    )
    expect([...Changed[spec].was].map(([type, { kind }]) => [type, kind])).toEqual([
      ['Sent', 'renamed'],
      ['Looked', 'retired'],
      ['Done', 'split'],
    ])
    expect(Object.keys(Changed)).toEqual(['Placed', 'Shipped'])
  })
})

describe('parsed data', () => {
  const Basket = z.object({ items: z.array(z.string()) })
  const Cart = events('cart', { Filled: Basket })

  test('data that a schema gave is taken as it is by an event of that schema, and cannot be changed any more', () => {
    const data = rememberFit(Basket, Basket.parse({ items: ['a'] }))
    expect(Cart.Filled(data).data).toBe(data)
    expect(() => data.items.push('b')).toThrow(TypeError)
  })

  test('data that another schema gave is parsed', () => {
    const Other = z.object({ items: z.array(z.string()), more: z.string() })
    const data = rememberFit(Other, Other.parse({ items: ['a'], more: 'x' }))
    expect(Cart.Filled(data).data).toEqual({ items: ['a'] })
    expect(Object.isFrozen(data)).toBe(false)
  })
})
