import { describe, expect, test } from 'bun:test'
import { order, shelf } from '../test-support/fulfilment.ts'
import { sortDefinitions } from './definition.ts'
import { spec } from './event/events.ts'
import { every } from './recurrence.ts'
import { schedule } from './schedule.ts'

const nightly = every('0 3 * * *', { zone: 'UTC' })
const AT = '2030-01-01T03:00:00.000Z'

describe('a schedule', () => {
  test('a schedule gives one command, several or none for a time', () => {
    const one = schedule('one', { every: nightly, to: order, send: at => order.cancel('o1', { reason: at }) })
    const two = schedule('two', {
      every: nightly,
      to: [order, shelf],
      send: () => [order.pay('o1', {}), shelf.fill('a', { qty: 1 })],
    })
    const none = schedule('none', { every: nightly, to: order, send: () => undefined })
    expect(one[spec].commandsAt(AT)).toEqual([order.cancel('o1', { reason: AT })])
    expect([two, none].map(each => each[spec].commandsAt(AT).length)).toEqual([2, 0])
  })

  const send = () => order.pay('o1', {})
  test.each([
    ['a name with capitals', () => schedule('Nightly' as never, { every: nightly, to: order, send }), 'a name is small letters'],
    ['times that are a text', () => schedule('a', { every: '0 3 * * *' as never, to: order, send }), 'every takes every('],
    [
      'another policy',
      () => schedule('a', { every: nightly, to: order, send, missed: 'all' as never }),
      "missed is 'last' or 'none'",
    ],
  ])('a schedule is refused with %s', (_, make, text) => {
    expect(make).toThrow(text)
  })

  test.each([
    [
      'to a decider that it does not name',
      () => shelf.fill('a', { qty: 1 }) as never,
      "schedule('a') sends to order, not to shelf",
    ],
    ['to an id that cannot be one', () => order.pay('', {}), 'an id is a text'],
    ['that are too many', () => Array.from({ length: 1_001 }, () => order.pay('o1', {})), '1001 commands at once'],
  ])('a schedule throws for commands %s', (_, bad, text) => {
    const { commandsAt } = schedule('a', { every: nightly, to: order, send: bad })[spec]
    expect(() => commandsAt(AT)).toThrow(text)
  })

  test('a schedule is refused at the start where its decider is not served, and twice', () => {
    const one = schedule('nightly', { every: nightly, to: order, send })
    expect(() => sortDefinitions([one])).toThrow('the schedule nightly sends to order, which is not served')
    expect(() => sortDefinitions([order, one, one])).toThrow('two schedules are named nightly')
  })
})
