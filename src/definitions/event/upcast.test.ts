import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, spec, split } from './events.ts'
import { read, UnreadableEvent } from './read.ts'
import { fingerprint } from './schema.ts'
import { chain, upcast, applyUpcasts } from './upcast.ts'

// One order as three releases wrote it.
const V1 = z.object({ customer: z.string(), cents: z.int() })
const V2 = z.object({ customerId: z.string(), cents: z.int() })
const V3 = z.object({ customerId: z.string(), total: z.object({ cents: z.int(), currency: z.enum(['EUR', 'USD']) }) })
const up1 = ({ customer, cents }: z.output<typeof V1>) => ({ customerId: customer, cents })
const up2 = ({ customerId, cents }: z.output<typeof V2>) => ({ customerId, total: { cents, currency: 'EUR' as const } })
const of1 = { customer: 'c1', cents: 5 }
const of2 = { customerId: 'c1', cents: 5 }
const of3 = { customerId: 'c1', total: { cents: 5, currency: 'EUR' } }

const two = upcast(V2, V1, up1)
const three = upcast(V3, two, up2)
const Order2 = events('order', { Placed: two })
const Order3 = events('order', { Placed: three })

const buildPlaced = (schema: z.ZodType, data: unknown) => ({ type: 'Placed', schema: fingerprint(schema), data })
const data = (family: typeof Order2 | typeof Order3, fact: Parameters<typeof read>[3]) =>
  read(family[spec], 'order-o1', 1, fact).map(event => event.data)

describe('upcast', () => {
  test('upcast gives a schema that takes and gives what today’s does, and is recognised as an upcast', () => {
    expect(three.parse(of3)).toEqual(of3 as z.output<typeof V3>)
    expect(fingerprint(three)).toBe(fingerprint(V3))
    expect(Order3.Placed(of3 as z.output<typeof V3>).data).toEqual(of3 as z.output<typeof V3>)
    expect(() => Order3.Placed(of1 as never)).toThrow('order.Placed: customerId')
  })

  test('upcast does not change the schema that it is given', () => {
    expect(chain(V2).older).toBeNull()
    expect(chain(two).older).toMatchObject({ schema: V1, older: null })
  })

  test('upcast reads a payload of a chain of two as today’s, and does not touch today’s', () => {
    expect(data(Order2, buildPlaced(V1, of1))).toEqual([of2])
    expect(data(Order2, buildPlaced(V2, of2))).toEqual([of2])
  })

  test('upcast reads a payload of a chain of three as today’s, whichever release wrote it', () => {
    expect(data(Order3, buildPlaced(V1, of1))).toEqual([of3])
    expect(data(Order3, buildPlaced(V2, of2))).toEqual([of3])
    expect(data(Order3, buildPlaced(V3, of3))).toEqual([of3])
  })

  test('upcast trusts a payload that today’s schema wrote: it is not parsed, and is the same object', () => {
    const trusted = { anything: 'goes' }
    expect(data(Order3, buildPlaced(V3, trusted))[0]).toBe(trusted)
  })

  test('upcast calls no step for today’s payload, and each later step once for an old one', () => {
    const calls: string[] = []
    const countCalls = <Old, New>(name: string, up: (old: Old) => New) => {
      return (old: Old) => {
        calls.push(name)
        return up(old)
      }
    }
    const schema = upcast(V3, upcast(V2, V1, countCalls('1 to 2', up1)), countCalls('2 to 3', up2))
    const family = events('order', { Placed: schema })[spec]
    const readCalls = (schema: z.ZodType, payload: unknown) => {
      calls.length = 0
      read(family, 'order-o1', 1, buildPlaced(schema, payload))
      return calls.join(', ')
    }
    expect(readCalls(V3, of3)).toBe('')
    expect(readCalls(V2, of2)).toBe('2 to 3')
    expect(readCalls(V1, of1)).toBe('1 to 2, 2 to 3')
  })

  test('upcast reads every payload of every release as the steps say', () => {
    const payload = fc.record({ customer: fc.string(), cents: fc.integer({ min: -1_000_000, max: 1_000_000 }) })
    fc.assert(
      fc.property(payload, old => {
        const today = up2(up1(old))
        expect(data(Order3, buildPlaced(V1, old))).toEqual([today])
        expect(data(Order3, buildPlaced(V2, up1(old)))).toEqual([today])
        expect(data(Order3, buildPlaced(V3, today))).toEqual([today])
      }),
    )
  })

  test('upcast tells apart by fingerprint payloads that would fit several schemas', () => {
    const Loose = z.looseObject({ cents: z.int() })
    const Doubled = z.looseObject({ cents: z.int(), doubled: z.boolean().optional() })
    const family = events('order', { Placed: upcast(Doubled, Loose, ({ cents }) => ({ cents: cents * 2, doubled: true })) })[spec]
    const readPlaced = (schema: string) => read(family, 'order-o1', 1, { type: 'Placed', schema, data: { cents: 4 } })[0]?.data
    expect(readPlaced(fingerprint(Loose))).toEqual({ cents: 8, doubled: true })
    expect(readPlaced(fingerprint(Doubled))).toEqual({ cents: 4 })
  })
})

describe('a payload of an unknown fingerprint', () => {
  const unknown = (payload: unknown) => ({ type: 'Placed', schema: 'of no-one', data: payload })

  test('a payload of an unknown fingerprint is read by the newest schema that takes it', () => {
    expect(data(Order3, unknown(of3))).toEqual([of3])
    expect(data(Order3, unknown(of2))).toEqual([of3])
    expect(data(Order3, unknown(of1))).toEqual([of3])
  })

  test('a payload of an unknown fingerprint is parsed: what no schema of the chain knows is left out', () => {
    expect(data(Order3, unknown({ ...of3, extra: 1 }))).toEqual([of3])
  })

  test('a payload of an unknown fingerprint that fits none is an error with stream, version, type and path', () => {
    const error = failure(() => data(Order3, unknown({ customerId: 'c1', total: { cents: 'five', currency: 'EUR' } })))
    expect(error).toBeInstanceOf(UnreadableEvent)
    expect(error).toMatchObject({ stream: 'order-o1', version: 1, type: 'Placed' })
    expect(String(error)).toMatch(
      /order-o1 has at version 1 an event Placed that cannot be read: total\.cents: .*expected number/,
    )
  })

  test('a payload of an unknown fingerprint is read by an older schema where the step of a newer one throws', () => {
    const picky = upcast(V2, z.object({ customer: z.looseObject({}) }), () => {
      throw new Error('never')
    })
    const family = events('order', { Placed: upcast(V3, upcast(picky, V1, up1), up2) })[spec]
    expect(read(family, 'order-o1', 1, unknown(of1))[0]?.data).toEqual(of3)
  })
})

describe('a payload that its own schema does not take', () => {
  test('a payload that its own schema does not take is an error, and is not tried as another’s', () => {
    const error = failure(() => data(Order3, buildPlaced(V1, of2)))
    expect(String(error)).toMatch(/order-o1 has at version 1 an event Placed that cannot be read: customer: /)
  })

  test('a payload is an error where a step gives what the next schema does not take', () => {
    const family = events('order', { Placed: upcast(V2, V1, () => ({ customerId: 1 }) as never) })[spec]
    const error = failure(() => read(family, 'order-o1', 7, buildPlaced(V1, of1)))
    expect(error).toMatchObject({ stream: 'order-o1', version: 7, type: 'Placed' })
    expect(String(error)).toMatch(/customerId: .*expected string.*; cents: /)
  })

  test('a payload is an error where a step of its upcast throws', () => {
    const family = events('order', {
      Placed: upcast(V2, V1, () => {
        throw new Error('no such customer')
      }),
    })[spec]
    const error = failure(() => read(family, 'order-o1', 7, buildPlaced(V1, of1)))
    expect(error).toMatchObject({ stream: 'order-o1', version: 7, type: 'Placed' })
    expect(String(error)).toContain('its upcast threw Error: no such customer')
  })

  test('a payload that fits no schema gives the issues of the newest one where several were tried', () => {
    const found = applyUpcasts(chain(three), 'of no-one', { nothing: true })
    expect('issues' in found && found.issues.map(({ path }) => path.join('.'))).toEqual(['customerId', 'total'])
  })
})

describe('former types in the log', () => {
  const Today = events(
    'order',
    { Placed: three, Paid: z.object({}), Shipped: z.object({ tracking: z.string() }) },
    {
      was: {
        Opened: 'Placed',
        Viewed: null,
        PaidAndShipped: split(
          upcast(z.object({ tracking: z.string() }), z.object({ code: z.int() }), ({ code }) => ({ tracking: `T${code}` })),
          ({ tracking }, order) => [order.Paid({}), order.Shipped({ tracking })],
        ),
        Emptied: split(z.object({}), () => []),
      },
    },
  )[spec]
  const readFact = (type: string, schema: string, payload: unknown, version = 3) =>
    read(Today, 'order-o1', version, { type, schema, data: payload })

  test('a renamed type is read under its new name, and trusted where today’s schema wrote it', () => {
    const trusted = { anything: 'goes' }
    expect(readFact('Opened', fingerprint(V3), trusted)).toEqual([{ category: 'order', type: 'Placed', data: trusted }])
  })

  test('a renamed type is upcast as its new name is', () => {
    expect(readFact('Opened', fingerprint(V1), of1)).toEqual([{ category: 'order', type: 'Placed', data: of3 }])
  })

  test('an error of a renamed type names the type that is in the log', () => {
    expect(failure(() => readFact('Opened', fingerprint(V1), {}))).toMatchObject({ type: 'Opened', version: 3 })
  })

  test('a retired type is passed over, whatever is in it', () => {
    expect(readFact('Viewed', 'of no-one', 'anything')).toEqual([])
  })

  test('a split type is read as several events, of the schema that wrote it or of one before', () => {
    const parts = (tracking: string) => [
      { category: 'order', type: 'Paid', data: {} },
      { category: 'order', type: 'Shipped', data: { tracking } },
    ]
    expect(readFact('PaidAndShipped', fingerprint(z.object({ tracking: z.string() })), { tracking: 'T1' })).toEqual(parts('T1'))
    expect(readFact('PaidAndShipped', fingerprint(z.object({ code: z.int() })), { code: 7 })).toEqual(parts('T7'))
  })

  test('a split type may be read as no event', () => {
    expect(readFact('Emptied', 'of no-one', {})).toEqual([])
  })

  test('a split type is unreadable where its payload does not fit, or what the split gives', () => {
    expect(String(failure(() => readFact('PaidAndShipped', 'of no-one', { tracking: 1 })))).toMatch(/at version 3 .* tracking: /)
    const broken = events(
      'order',
      { Shipped: z.object({ tracking: z.string() }) },
      {
        was: {
          Misfit: split(z.any(), (_, order) => [order.Shipped({ tracking: 1 as never })]),
          Strange: split(z.any(), () => [{ category: 'payment', type: 'Charged', data: {} } as never]),
        },
      },
    )[spec]
    const error = (type: string) => failure(() => read(broken, 'order-o1', 2, { type, schema: '', data: {} }))
    expect(error('Misfit')).toMatchObject({ stream: 'order-o1', version: 2, type: 'Misfit', cause: expect.any(TypeError) })
    expect(String(error('Misfit'))).toMatch(/order\.Shipped: tracking: /)
    expect(String(error('Strange'))).toContain('its part 1 is no event of order')
  })

  test('an unknown type is unreadable, and named', () => {
    const error = failure(() => readFact('Vanished', 'of no-one', {}, 9))
    expect(error).toBeInstanceOf(UnreadableEvent)
    expect(error).toMatchObject({ stream: 'order-o1', version: 9, type: 'Vanished' })
    expect(String(error)).toContain(
      'order-o1 has at version 9 an event Vanished that cannot be read: order of this release has no such type',
    )
  })

  test.each(['toString', 'constructor', '__proto__'])('an unknown type is unreadable also when it is named %s', type => {
    expect(failure(() => readFact(type, '', {}))).toBeInstanceOf(UnreadableEvent)
  })
})

function failure(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}
