import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { every, lastTime, nextTime, type Recurrence } from './recurrence.ts'

const ms = (time: string): number => Date.parse(time)
const iso = (time: number): string => new Date(time).toISOString().replace('.000Z', 'Z')

/** The times that come after one, as many as asked for. */
function timesAfter(recurrence: Recurrence, after: string, many: number): readonly string[] {
  const times: string[] = []
  for (let time = ms(after); times.length < many; times.push(iso(time))) time = nextTime(recurrence, time)
  return times
}

describe('times that come again', () => {
  test.each([
    [
      'at three, on the day when clocks are put forward',
      '0 3 * * *',
      '2030-03-30T12:00:00Z',
      ['2030-03-31T01:00:00Z', '2030-04-01T01:00:00Z'],
    ],
    [
      'at a time that is left out: as much later',
      '30 2 * * *',
      '2030-03-30T12:00:00Z',
      ['2030-03-31T01:30:00Z', '2030-04-01T00:30:00Z'],
    ],
    [
      'at a time that is left out, asked for after clocks were put forward: still as much later',
      '30 2 * * *',
      '2030-03-31T01:10:00Z',
      ['2030-03-31T01:30:00Z', '2030-04-01T00:30:00Z'],
    ],
    [
      'several times in the hour that is left out: once',
      '*/15 2 * * *',
      '2030-03-31T00:30:00Z',
      ['2030-03-31T01:00:00Z', '2030-04-01T00:00:00Z'],
    ],
    [
      'at three, on the day when clocks are put back',
      '0 3 * * *',
      '2030-10-26T12:00:00Z',
      ['2030-10-27T02:00:00Z', '2030-10-28T02:00:00Z'],
    ],
    [
      'at a time that comes twice: once, the first time',
      '30 2 * * *',
      '2030-10-26T12:00:00Z',
      ['2030-10-27T00:30:00Z', '2030-10-28T01:30:00Z'],
    ],
    ['at a time that comes twice, asked for in between', '30 2 * * *', '2030-10-27T00:45:00Z', ['2030-10-28T01:30:00Z']],
    [
      'each hour, while clocks are put back: both times',
      '0 * * * *',
      '2030-10-26T23:30:00Z',
      ['2030-10-27T00:00:00Z', '2030-10-27T01:00:00Z', '2030-10-27T02:00:00Z'],
    ],
    ['by a name', '@monthly', '2030-02-10T00:00:00Z', ['2030-02-28T23:00:00Z', '2030-03-31T22:00:00Z']],
  ])('in Berlin, %s', (_, cron, after, times) => {
    expect(timesAfter(every(cron, { zone: 'Europe/Berlin' }), after, times.length)).toEqual(times)
  })

  test.each([
    ['0 3 * *', 'UTC', 'expected five fields'],
    ['61 3 * * *', 'UTC', 'the minute: expected 0 to 59'],
    [3 as unknown as string, 'UTC', 'every(3, { zone: "UTC" }): expected a text'],
    ['0 0 30 2 *', 'UTC', 'no time comes within 8 years'],
    ['0 3 * * *', 'Europe/Berln', "unknown time zone 'Europe/Berln'"],
    ['0 3 * * *', '', 'zone names a time zone'],
    ['0 3 * * *', undefined as unknown as string, 'zone names a time zone'],
  ])('refuse %p in the zone %p', (cron, zone, text) => {
    expect(() => every(cron, { zone })).toThrow(text)
  })

  test('the last one before a time is the one after which none comes before it', () => {
    const crons = fc.constantFrom('0 3 * * *', '*/7 * * * *', '30 2 * * SUN', '0 0 29 2 *', '15 2,3 * * *', '* * 1 1 *')
    const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
    const moments = fc.integer({ min: ms('2029-01-01T00:00:00Z'), max: ms('2034-01-01T00:00:00Z') })
    fc.assert(
      fc.property(crons, zones, moments, fc.integer({ min: 0, max: 400 * 86_400_000 }), (cron, zone, from, length) => {
        const recurrence = every(cron, { zone })
        const first = nextTime(recurrence, from)
        const last = lastTime(recurrence, first, first + length)
        expect(last).toBeGreaterThanOrEqual(first)
        expect(last).toBeLessThanOrEqual(first + length)
        expect(nextTime(recurrence, last)).toBeGreaterThan(first + length)
        expect(nextTime(recurrence, last - 1)).toBe(last)
      }),
      { numRuns: 60 },
    )
  })

  test('the next one is the same after any time before it, also where clocks are put forward', () => {
    for (const zone of ['America/New_York', 'Australia/Lord_Howe', 'Antarctica/Troll', 'Europe/Berlin'])
      for (const cron of ['30 2 * * *', '15 2,3 * * *', '10 1 * * *', '0 */2 * * *']) {
        const recurrence = every(cron, { zone })
        for (const day of ['2032-03-14', '2032-10-03', '2032-03-28'])
          for (let time = ms(`${day}T00:00:00Z`) - 43_200_000, until = time + 172_800_000; time < until; ) {
            const next = nextTime(recurrence, time)
            for (const before of [1, 60_000, 1_200_000, 2_400_000])
              if (next - before > time) expect(iso(nextTime(recurrence, next - before))).toBe(iso(next))
            time = next
          }
      }
  })

  test('the last one of a clock that was put back is the first one', () => {
    const daily = every('0 3 * * *', { zone: 'UTC' })
    expect(iso(lastTime(daily, ms('2030-01-02T03:00:00Z'), ms('2030-01-01T00:00:00Z')))).toBe('2030-01-02T03:00:00Z')
  })
})
