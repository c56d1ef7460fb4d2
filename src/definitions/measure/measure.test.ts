import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { METRICS } from '../../ports/metrics/table.ts'
import { sortDefinitions } from '../definition.ts'
import { events, spec } from '../event/events.ts'
import { foldFingerprint } from '../projection/fold-fingerprint.ts'
import { projection } from '../projection/projection.ts'
import { measure } from './measure.ts'
import { measureRows } from './measure-rows.ts'
import { measureTime } from './measure-time.ts'
import { FIRST_WORDS_TAKEN, prometheusName } from './metric-name.ts'

const Order = events('order', {
  Placed: z.object({ country: z.string(), isGift: z.boolean() }),
  Shipped: z.object({ cents: z.int() }),
})
const whole = { from: Order, on: { Placed: 1 } } as const

/** A definition as JavaScript writes it, and a cast. */
const measureAny = measure as unknown as (name: string, options: object) => unknown

describe('a measure', () => {
  test('a measure says which facts it adds up, unless it is told what to say', () => {
    const { metric } = measure('revenue', { from: Order, on: { Shipped: ({ cents }) => cents, Placed: 0 }, unit: 'cents' })[spec]
    expect(metric).toEqual({
      kind: 'counter',
      unit: 'cents',
      attributes: [],
      help: 'The sum over order.Shipped, order.Placed in the log.',
      question: 'revenue',
    })
    const told = { help: 'What was earned.', question: 'What do we earn?' }
    expect(measure('revenue', { ...whole, ...told })[spec].metric).toMatchObject(told)
  })

  test.each([
    ['emaki_orders', {}, 'names that begin with emaki are those of other metrics; begin with another word'],
    ['up', {}, 'names that begin with up are those of other metrics'],
    ['orders_total', {}, 'Prometheus puts _total at the end of names itself; leave it out'],
    ['orders-placed', {}, 'the name of a measure is small letters, digits and _'],
    ['orders', { on: {} }, 'on names the facts that it adds up, and found none'],
    ['orders', { on: { Placed: '1' } }, 'Placed is no function'],
    ['orders', { on: { Plced: 1 } }, 'on.Plced is no event of its families'],
    ['orders', { unit: 'Cents!' }, 'a unit is one of s, ms, min, h, d, By, a word of small letters such as cents'],
    ['orders', { by: { le: () => '' } }, 'Prometheus gives le a meaning of its own; choose another name'],
    ['orders', { by: { 'a-b': () => '' } }, 'an attribute is letters, digits and _'],
    ['orders', { by: { a: 'b' } }, 'by.a takes a function, found "b"'],
    ['orders', { version: 0 }, 'expected a version from 1 to 99999, found 0'],
    ['orders', { units: 's' }, 'has no option units; did you mean unit?'],
  ])('a measure named %s with %p is refused with a text that mends it', (name, options, text) => {
    expect(() => measureAny(name, { ...whole, ...options })).toThrow(text)
  })

  test.each([
    [{ begins: 'Placed', ends: 'Placed' }, 'begins and ends are both Placed; name two facts'],
    [{ begins: 'Plced', ends: 'Placed' }, 'Plced is no event of its families'],
    [{ bounds: [] }, 'bounds are 1 to 50 numbers of seconds above 0, the lowest first; found []'],
    [{ bounds: [2, 1] }, 'the lowest first; found [ 2, 1 ]'],
    [{ bounds: [0, 1] }, 'numbers of seconds above 0'],
    [{ by: { le: () => '' } }, 'Prometheus gives le a meaning of its own'],
  ])('a measure of times with %p is refused with a text that mends it', (options, text) => {
    const any = measureTime as unknown as (name: string, options: object) => unknown
    expect(() => any('time', { from: Order, begins: 'Placed', ends: 'Shipped', ...options })).toThrow(text)
  })

  test('a measure of rows counts what is kept, by what is indexed', () => {
    const any = measureRows as unknown as (name: string, options: object) => unknown
    const whole = { from: Order, row: z.object({ n: z.int() }), initial: { n: 0 }, evolve: { Placed: () => ({ n: 1 }) } }
    expect(() => any('now', { rows: projection('orders', whole), by: ['n'] })).toThrow(
      'rows are counted by their indexes, and orders has no index n',
    )
    expect(() => any('now', { rows: projection('orders', { ...whole, live: true }) })).toThrow('it keeps no rows to count')
  })

  test('a measure has no name that begins as a metric of ours', () => {
    const first = Object.keys(METRICS).map(name => name.split('.')[0]!)
    expect(new Set(first).difference(new Set(FIRST_WORDS_TAKEN))).toEqual(new Set())
  })

  test('a measure has the name in Prometheus that OpenTelemetry gives it: its unit at the end, once', () => {
    const named = [
      ['revenue', 'cents'],
      ['revenue_cents', 'cents'],
      ['time_to_ship', 's'],
      ['orders', '{order}'],
      ['orders', ''],
    ] as const
    expect(named.map(([name, unit]) => prometheusName(name, { unit }))).toEqual([
      'revenue_cents',
      'revenue_cents',
      'time_to_ship_seconds',
      'orders',
      'orders',
    ])
  })

  test('a measure that would be the same metric as another is refused, and one with the rows of a projection', () => {
    const named = (name: string, unit?: string) => measure(name, { ...whole, ...(unit !== undefined && { unit }) })
    expect(() => sortDefinitions([named('revenue', 'cents'), named('revenue_cents')])).toThrow(
      'the measures revenue and revenue_cents would both be the metric revenue_cents: rename one',
    )
    const row = z.object({})
    const rows = projection('placed-orders', { from: Order, row, initial: {}, evolve: { Placed: row => row } })
    expect(() => sortDefinitions([rows, named('placed_orders')])).toThrow(
      'the projection placed-orders and the measure placed_orders would have one name in the store, placed_orders_v…: rename one',
    )
  })

  test('a measure has another fingerprint where only a function or a number of its user is another', () => {
    const prints = [
      measure('n', { from: Order, on: { Placed: 1 } }),
      measure('n', { from: Order, on: { Placed: 2 } }),
      measure('n', { from: Order, on: { Placed: () => 1 } }),
      measure('n', { from: Order, on: { Placed: 1 }, by: { country: ({ data }) => data.country } }),
      measure('n', { from: Order, on: { Placed: 1 }, by: { country: ({ data }) => data.country.slice(0, 2) } }),
    ].map(one => foldFingerprint(one[spec].from.rows))
    expect(new Set(prints).size).toBe(5)
    expect(foldFingerprint(measure('n', { from: Order, on: { Placed: 1 } })[spec].from.rows)).toBe(prints[0]!)
  })
})
