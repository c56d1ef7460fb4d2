import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events, type Recorded, spec } from './event/events.ts'
import { processor, canHandle } from './processor.ts'

const None = z.object({})
const Order = events('order', { Placed: None, Shipped: None }, { was: { Sent: 'Shipped', Viewed: null } })
const Payment = events('payment', { Charged: None })
const handle = () => {}
// What these tests give is refused by the types as well, mostly.
const made = (options: object, name = 'mails') => processor(name, { from: Order, handle, ...options } as never)[spec]
const recorded = (category: string, type: string) => ({ category, type, stream: `${category}-a` }) as Recorded

describe('a processor', () => {
  test('begins at the beginning, with one event at a time, in order of each stream', () => {
    const definition = made({})
    expect(definition).toMatchObject({ kind: 'processor', start: 'beginning', batchSize: 1, parallelism: 1, attempts: 8 })
    expect(definition.key(recorded('order', 'Placed'))).toBe('order-a')
    expect([...definition.filter]).toEqual([['order', null]])
  })

  test('reads the types it names, with all that may have become one of them', () => {
    expect([...made({ types: ['Shipped'] }).filter]).toEqual([['order', ['Shipped', 'Sent', 'Viewed']]])
  })

  test('takes what it names, and all where it names nothing', () => {
    const all = made({ from: [Order, Payment] })
    const some = made({ from: [Order, Payment], types: ['Shipped', 'Charged'] })
    const events = [recorded('order', 'Placed'), recorded('order', 'Shipped'), recorded('payment', 'Charged')]
    expect(events.map(event => canHandle(all, event))).toEqual([true, true, true])
    expect(events.map(event => canHandle(some, event))).toEqual([false, true, true])
    expect(canHandle(all, recorded('invoice', 'Placed'))).toBeFalse()
  })

  test.each<[string, object, string]>([
    ['a type of no family', { types: ['Placedd'] }, "processor('mails'): Placedd is no event of its families"],
    ['families of one category', { from: [Order, Order] }, 'two of its families have one category'],
    ['no batch', { batchSize: 0 }, 'expected a batchSize from 1 to 10000, found 0'],
    ['half a batch', { batchSize: 1.5 }, 'expected a batchSize from 1 to 10000, found 1.5'],
    ['no attempt', { attempts: 0 }, 'expected a attempts from 1 to 10000, found 0'],
    ['too many at once', { parallelism: 10_001 }, 'expected a parallelism from 1 to 10000, found 10001'],
  ])('refuses %s', (_, options, message) => {
    expect(() => made(options)).toThrow(message)
  })

  test.each(['', 'Mails', 'a_b', 'x'.repeat(41)])('refuses the name %p', name => {
    expect(() => made({}, name)).toThrow('a name is small letters, digits and -')
  })
})
