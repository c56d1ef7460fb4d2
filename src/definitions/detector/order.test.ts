import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import type { HourCount } from './hour-row.ts'
import { OrderWatch } from './order.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from './settings.ts'

const LEARNED_HOURS = 100

/** What followed what in an hour: the type, the type before, and how many times. */
type Follows = readonly [type: string, before: string, events: number]

function hourOf(hour: number, follows: readonly Follows[]): readonly HourCount[] {
  return [...Map.groupBy(follows, ([type]) => type)].map(([type, all]) => ({
    ...{ subject: `order.${type}`, hour: hour * HOUR_MS, minutes: [], last: [] },
    follows: Object.fromEntries(all.map(([, before, events]) => [before, { events, minute: 7, first: [hour] }])),
  }))
}

/** Five orders an hour are placed, paid and shipped. */
const USUAL: readonly Follows[] = [
  ['Placed', '', 5],
  ['Paid', 'Placed', 5],
  ['Shipped', 'Paid', 5],
]

function learn(usual: readonly Follows[] = USUAL): OrderWatch {
  const watch = new OrderWatch()
  for (let hour = 0; hour < LEARNED_HOURS; hour++) watch.closeHour(hourOf(hour, usual))
  return watch
}
const closed = (watch: OrderWatch, hour: number, follows: readonly Follows[]) => {
  watch.closeHour(hourOf(hour, follows))
  return watch.findingsAt([], (hour + 1) * HOUR_MS)
}
const FOUND_AT = LEARNED_HOURS * HOUR_MS + 7 * MINUTE_MS

describe('the order', () => {
  test('the order of a type that never followed another one is called, with its events and what was expected', () => {
    const found = closed(learn(), LEARNED_HOURS, [...USUAL, ['Shipped', 'Placed', 2]])
    expect(found).toEqual([
      {
        ...{ kind: 'order', subject: 'order.Shipped', after: 'order.Placed', since: FOUND_AT, openedAt: FOUND_AT + MINUTE_MS },
        ...{ closedAt: null, seen: 2, examples: [LEARNED_HOURS], eventsBefore: 500, unseenShare: 1 / 501 },
        falseCallsInYear: (500 / 501 / LEARNED_HOURS) * 24 * 365.25,
      },
    ])
  })

  test('the order at the begin of a stream is watched too', () => {
    expect(closed(learn(), LEARNED_HOURS, [['Shipped', '', 1]])).toMatchObject([
      { subject: 'order.Shipped', after: 'order begin', seen: 1 },
    ])
  })

  test('the order after a type that was seen 332 times is not called, and after 333 it is', () => {
    const after = (events: number) => {
      const watch = new OrderWatch()
      watch.closeHour(hourOf(0, [['Paid', 'Placed', events]]))
      return closed(watch, 1, [['Shipped', 'Placed', 1]]).length
    }
    expect([after(332), after(333)]).toEqual([0, 1])
  })

  test('the order is not called where types that came once show that it is free', () => {
    const once = ['Viewed', 'Noted'].map((type): Follows => [type, 'Placed', 1])
    const watch = learn()
    watch.closeHour(hourOf(LEARNED_HOURS, once))
    expect(closed(watch, LEARNED_HOURS + 1, [['Shipped', 'Placed', 1]]).map(({ subject }) => subject)).toEqual([
      'order.Viewed',
      'order.Noted',
    ])
    expect(watch.sightsAt((LEARNED_HOURS + 2) * HOUR_MS)).toMatchObject([
      { after: 'order begin', events: 500, followers: 1, isWatched: true },
      { after: 'order.Paid', events: 500, followers: 1, isWatched: true },
      { after: 'order.Placed', events: 503, followers: 4, unseenShare: 4 / 504, isWatched: false, falseCallsInYear: 0 },
    ])
  })

  test('the order is judged by the hours before, in whichever order the rows of an hour come', () => {
    const follows: readonly Follows[] = [...USUAL, ['Viewed', 'Placed', 1], ['Noted', 'Placed', 1], ['Shipped', 'Placed', 1]]
    const subjects = (all: readonly Follows[]) => closed(learn(), LEARNED_HOURS, all).map(({ subject }) => subject)
    expect(subjects(follows)).toHaveLength(3)
    expect(subjects(follows.toReversed()).toSorted()).toEqual(subjects(follows).toSorted())
  })

  test('the order is found within an hour as it is when the hour is over', () => {
    const [watch, rows] = [learn(), hourOf(LEARNED_HOURS, [['Shipped', 'Placed', 1]])]
    expect(watch.findingsAt(rows, FOUND_AT)).toEqual([])
    const within = watch.findingsAt(rows, FOUND_AT + MINUTE_MS)
    watch.closeHour(rows)
    expect(within).toHaveLength(1)
    expect(within).toEqual(watch.findingsAt([], (LEARNED_HOURS + 1) * HOUR_MS))
  })

  test('a finding of an order closes a day after its last event, and is not called again', () => {
    const watch = learn()
    closed(watch, LEARNED_HOURS, [['Shipped', 'Placed', 1]])
    closed(watch, LEARNED_HOURS + 10, [['Shipped', 'Placed', 3]])
    const end = (LEARNED_HOURS + 11) * HOUR_MS + DAY_MS
    expect(watch.findingsAt([], end - 1)).toMatchObject([{ closedAt: null, seen: 4 }])
    const over = watch.findingsAt([], end)
    expect(over).toMatchObject([{ closedAt: end, seen: 4, examples: [LEARNED_HOURS, LEARNED_HOURS + 10] }])
    expect(closed(watch, LEARNED_HOURS + 90, [['Shipped', 'Placed', 1]])).toEqual(over)
  })

  test('a finding of an order that goes on closes after a week, because it is usual', () => {
    const watch = learn()
    for (let hour = 0; hour < 200; hour += 5) closed(watch, LEARNED_HOURS + hour, [['Shipped', 'Placed', 1]])
    const found = watch.findingsAt([], (LEARNED_HOURS + 200) * HOUR_MS)
    expect(found).toMatchObject([{ closedAt: (LEARNED_HOURS + 168) * HOUR_MS, seen: 34 }])
  })

  test('the order of two types has one finding at most, whatever comes', () => {
    const follows = fc.tuple(fc.constantFrom('A', 'B', 'C'), fc.constantFrom('', 'A', 'B', 'C'), fc.integer({ min: 1, max: 400 }))
    fc.assert(
      fc.property(fc.array(fc.array(follows, { maxLength: 3 }), { maxLength: 30 }), hours => {
        const watch = new OrderWatch()
        for (const [hour, all] of hours.entries()) watch.closeHour(hourOf(hour, all))
        const found = watch.findingsAt([], hours.length * HOUR_MS).map(({ after, subject }) => `${after} ${subject}`)
        expect(new Set(found).size).toBe(found.length)
      }),
    )
  })
})
