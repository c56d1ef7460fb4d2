import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { spec } from './event/events.ts'
import { milliseconds } from './event/duration.ts'
import { query } from './query.ts'

const params = z.object({ id: z.string() })
const run = async () => 1
// What these tests give is refused by the types as well, mostly.
const buildQuery = (options: object, name = 'q') => query(name, { params, run, ...options } as never)[spec]

describe('a query', () => {
  test('a query caches nothing unless it says so', () => {
    expect(buildQuery({})).toMatchObject({ kind: 'query', name: 'q', cache: null, answer: null })
  })

  test('a query caches an answer for its time, and a negative one for a tenth of that', () => {
    expect(buildQuery({ cache: { ttl: '5 minutes' } }).cache).toMatchObject({
      ttlMs: 300_000,
      staleMs: 0,
      negativeTtlMs: 30_000,
      public: false,
    })
    const all = { ttl: '1 hour', stale: '2 days', negative: '1.5 seconds', public: true, tags: () => ['a'] }
    const { cache } = buildQuery({ cache: all })
    expect(cache).toMatchObject({ ttlMs: 3_600_000, staleMs: 172_800_000, negativeTtlMs: 1_500, public: true })
    expect(cache!.tags({})).toEqual(['a'])
    expect(buildQuery({ cache: { ttl: '1 hour' } }).cache!.tags({})).toEqual([])
  })

  test('a query refuses a parameter that every query has', () => {
    expect(() => buildQuery({ params: z.object({ 'min-position': z.string() }) })).toThrow(
      "query('q'): every query has a parameter min-position already",
    )
  })
})

describe('a duration', () => {
  test('a duration is a number and a unit, one or several', () => {
    const units = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 }
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.constantFrom(...(Object.keys(units) as (keyof typeof units)[])),
        fc.constantFrom('', 's'),
        (n, unit, s) => {
          expect(milliseconds(`${n} ${unit}${s}`)).toBe(n * units[unit])
        },
      ),
    )
  })

  test.each([
    '',
    '5',
    'minutes',
    '5minutes',
    '5  minutes',
    '-5 minutes',
    '5 fortnights',
    '5 minutess',
    ' 5 minutes',
    '1e3 seconds',
    'NaN days',
  ])('a duration is not %p', text => {
    expect(() => milliseconds(text)).toThrow(`${JSON.stringify(text)} is no duration such as '5 minutes'`)
    expect(() => buildQuery({ cache: { ttl: text } })).toThrow('is no duration')
  })
})
