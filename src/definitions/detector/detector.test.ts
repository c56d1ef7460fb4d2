import { describe, expect, test } from 'bun:test'
import { Order, Shelf } from '../../test-support/fulfilment.ts'
import { spec } from '../event/events.ts'
import { rowEvents } from '../projection/fold.ts'
import { detector, isDetector } from './detector.ts'
import { countEvent, hourKey, keyBefore, NO_EVENTS, readHour, STREAM_BEGIN } from './hour-row.ts'

const event = (at: string, position: number) => ({ category: 'order', type: 'Placed', at, position, follows: STREAM_BEGIN })

describe('a detector', () => {
  test('a detector reads all events of its families, or those that are named', () => {
    expect(detector('rates', { from: Shelf })[spec].filter).toEqual(new Map([['shelf', ['Filled', 'Taken', 'Returned']]]))
    const named = detector('rates', { from: [Order, Shelf], types: ['Paid', 'shelf.Filled'] })
    expect(named[spec].filter).toEqual(
      new Map([
        ['order', ['Paid']],
        ['shelf', ['Filled']],
      ]),
    )
  })

  test('a detector gives an event to the row of its hour and type', () => {
    const { [spec]: rates } = detector('rates', { from: Order })
    const stored = { ...{ stream: 'order-o1', type: 'Paid', data: '{}', meta: '{}', schema: '', version: 2, position: 9 } }
    const [one] = rowEvents(rates, { ...stored, id: 'e1', at: '2026-03-01T04:17:30.000Z' })
    expect(one?.key).toBe('2026-03-01T04 order.Paid')
    expect(one?.evolve(NO_EVENTS, {}, one.event, one.key)).toMatchObject({ last: [9] })
  })

  test('a detector counts the minutes of an hour, and keeps the last three positions', () => {
    const events = [1, 2, 3, 4].map(position => event(`2026-03-01T04:0${position % 2}:00.000Z`, position))
    const row = events.reduce(countEvent, NO_EVENTS)
    expect(row.last).toEqual([2, 3, 4])
    expect(row.minutes.slice(0, 3)).toEqual([2, 2, 0])
    const read = readHour(hourKey(events[0]!), JSON.stringify(row))
    expect(read).toEqual({ ...row, subject: 'order.Placed', hour: Date.parse('2026-03-01T04:00:00Z') })
    expect(keyBefore(read.hour) < hourKey(events[0]!)).toBe(true)
  })

  test('a detector that reads payloads gives an event also to the row of its type, behind those of all hours', () => {
    const { [spec]: shapes } = detector('shapes', { from: Order, shape: true })
    const stored = { ...{ stream: 'order-o1', type: 'Cancelled', meta: '{}', schema: '', version: 2, position: 9 } }
    const event = { ...stored, data: '{"reason":"late"}', id: 'e1', at: '2026-03-01T04:17:30.000Z' }
    const [hour, type] = rowEvents(shapes, event)
    expect([hour!.key, type!.key]).toEqual(['2026-03-01T04 order.Cancelled', 'shape order.Cancelled'])
    expect(type!.evolve(shapes.initial, type!.event.data, type!.event, type!.key)).toMatchObject({
      window: [{ position: 9, at: event.at, seen: [[expect.any(String)]] }],
    })
    expect(hour!.evolve(shapes.initial, hour!.event.data, hour!.event, hour!.key)).toMatchObject({ last: [9] })
  })

  test.each([
    [{ from: Order, types: ['Plcaed'] }, 'Plcaed is no event of its families'],
    [{ from: Order, threshold: 4 }, 'expected a threshold from 5 to 30, found 4'],
    [{ from: Order, threshold: Number.NaN }, 'expected a threshold from 5 to 30, found NaN'],
    [{ from: Order, budget: 1 }, 'budget'],
    [{ from: Order, shape: 'yes' }, 'shape'],
  ])('a detector with %j is refused', (options, said) => {
    expect(() => detector('rates', options as never)).toThrow(said)
  })

  test('a detector is told from other definitions', () => {
    expect(isDetector(detector('rates', { from: Order })[spec])).toBe(true)
    expect(isDetector(Order[spec] as never)).toBe(false)
  })
})
