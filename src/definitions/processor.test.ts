import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events, type Recorded, spec } from './event/events.ts'
import { processor, canHandle } from './processor.ts'

const None = z.object({})
const Order = events('order', { Placed: None, Shipped: None }, { was: { Sent: 'Shipped', Viewed: null } })
const Payment = events('payment', { Charged: None })
const handle = () => {}
// What these tests give is refused by the types as well, mostly.
const buildProcessor = (options: object, name = 'mails') => processor(name, { from: Order, handle, ...options } as never)[spec]
const buildRecorded = (category: string, type: string) => ({ category, type, stream: `${category}-a` }) as Recorded

describe('a processor', () => {
  test('a processor begins by default at the first event, with one event at a time, in order of each stream', () => {
    const definition = buildProcessor({})
    expect(definition).toMatchObject({ kind: 'processor', start: null, batchSize: 1, parallelism: 1 })
    expect(definition.retry).toEqual({ firstMs: 100, maxMs: 300_000, forMs: 86_400_000 })
    expect(definition.key(buildRecorded('order', 'Placed'))).toBe('order-a')
    expect([...definition.filter]).toEqual([['order', null]])
  })

  test('a processor reads the types it names, with all former types that may be read as one of them', () => {
    expect([...buildProcessor({ types: ['Shipped'] }).filter]).toEqual([['order', ['Shipped', 'Sent', 'Viewed']]])
  })

  test('a processor takes the types it names, and all where it names none', () => {
    const all = buildProcessor({ from: [Order, Payment] })
    const some = buildProcessor({ from: [Order, Payment], types: ['Shipped', 'Charged'] })
    const events = [buildRecorded('order', 'Placed'), buildRecorded('order', 'Shipped'), buildRecorded('payment', 'Charged')]
    expect(events.map(event => canHandle(all, event))).toEqual([true, true, true])
    expect(events.map(event => canHandle(some, event))).toEqual([false, true, true])
    expect(canHandle(all, buildRecorded('invoice', 'Placed'))).toBeFalse()
  })

  test('a processor refuses the key of an event that is no name', () => {
    const { key } = buildProcessor({ key: ({ stream }: Recorded) => stream.repeat(100) })
    const message = "processor('mails'): the key of order.Placed gave"
    expect(() => key(buildRecorded('order', 'Placed'))).toThrow(message)
  })

  test.each<[string, object, string]>([
    ['a type of no family', { types: ['Placedd'] }, "processor('mails'): Placedd is no event of its families"],
    ['families of one category', { from: [Order, Order] }, 'two of its families have one category'],
    ['no batch', { batchSize: 0 }, 'expected batchSize from 1 to 10000, found 0'],
    ['half a batch', { batchSize: 1.5 }, 'expected batchSize from 1 to 10000, found 1.5'],
    ['no first pause', { retry: { firstMs: 0 } }, 'expected a retry.firstMs of 1 to 2678400000, found 0'],
    ['a longest pause below the first', { retry: { maxMs: 99 } }, 'expected a retry.maxMs of 100 to 2678400000, found 99'],
    ['a retry for more than a month', { retry: { forMs: 2_678_400_001 } }, 'expected a retry.forMs of 0 to 2678400000'],
    ['too many at once', { parallelism: 10_001 }, 'expected parallelism from 1 to 10000, found 10001'],
  ])('a processor refuses %s', (_, options, message) => {
    expect(() => buildProcessor(options)).toThrow(message)
  })
})
