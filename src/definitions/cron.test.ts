import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { cronProblem } from './cron.ts'

const FIELDS = 'five fields (minute, hour, day of the month, month, day of the week)'

describe('a cron expression that is wrong', () => {
  test.each([
    ['60 3 * * *', 'the minute: expected 0 to 59, or * for each, found "60"'],
    ['0 25 * * *', 'the hour: expected 0 to 23, or * for each, found "25"'],
    ['0 0 0 * *', 'the day of the month: expected 1 to 31, or * for each, found "0"'],
    ['0 0 32 * *', 'the day of the month: expected 1 to 31, or * for each, found "32"'],
    ['0 0 * 13 *', 'the month: expected 1 to 12, or JAN to DEC, or * for each, found "13"'],
    ['0 0 * SEPT *', 'the month: expected 1 to 12, or JAN to DEC, or * for each, found "SEPT"'],
    ['0 0 * * 8', 'the day of the week: expected 0 to 7, or SUN to SAT, or * for each, found "8"'],
    ['0 0 * * MON-FRY', 'the day of the week: expected 0 to 7, or SUN to SAT, or * for each, found "FRY"'],
    ['0 0 * * 5#2', 'the day of the week: expected 0 to 7, or SUN to SAT, or * for each, found "5#2"'],
    ['0 0 L * *', 'the day of the month: expected 1 to 31, or * for each, found "L"'],
    ['? * * * *', 'the minute: expected 0 to 59, or * for each, found "?"'],
    ['JAN * * * *', 'the minute: expected 0 to 59, or * for each, found "JAN"'],
    ['1,,2 * * * *', 'the minute: expected 0 to 59, or * for each, found ""'],
    ['-5 * * * *', 'the minute: expected 0 to 59, or * for each, found ""'],
    ['1-2-3 * * * *', 'the minute: expected 0 to 59, or * for each, found "1-2-3"'],
    ['0 3 * * *\n', 'the day of the week: expected 0 to 7, or SUN to SAT, or * for each, found "*\\n"'],
    ['*/0 * * * *', 'the minute: expected a step from 1 to 59 after the /, found "0"'],
    ['*/90 * * * *', 'the minute: expected a step from 1 to 59 after the /, found "90"'],
    ['0 1-5/ * * *', 'the hour: expected a step from 1 to 23 after the /, found ""'],
    ['*/5/2 * * * *', 'the minute: expected a step from 1 to 59 after the /, found "5/2"'],
    ['0 22-6 * * *', 'the hour: expected a range that goes up, found 22-6; write 22-23,0-6'],
    ['0 0 * * FRI-SUN', 'the day of the week: expected a range that goes up, found FRI-SUN; write 5-7,0-0'],
    ['', `expected ${FIELDS}, found 0`],
    ['0 3 * *', `expected ${FIELDS}, found 4`],
    ['0 0 3 * * *', `expected ${FIELDS}, found 6; there is no field of seconds`],
    [
      '@dayly',
      'there is no @dayly; did you mean @daily? there are @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly',
    ],
  ])('%j says which field takes what, and what was found', (cron, text) => {
    expect(cronProblem(cron)).toBe(text)
  })
})

const BOUNDS = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
] as const

/** Whether the engine takes an expression. */
function isTaken(cron: string): boolean {
  try {
    Bun.cron.parse(cron, 0, { tz: 'UTC' })
    return true
  } catch {
    return false
  }
}

/** A part of a field: right more often than wrong. */
const part = (min: number, max: number): fc.Arbitrary<string> => {
  const value = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min, max }).map(String) },
    { weight: 1, arbitrary: fc.constantFrom('SUN', 'mon', 'Friday', 'JAN', 'december', 'x', '', '-1', '00', '1.5', '0x1', '60') },
  )
  const base = fc.oneof(
    fc.constant('*'),
    value,
    fc.tuple(value, value).map(ends => ends.join('-')),
  )
  const step = fc.oneof({ weight: 3, arbitrary: fc.constant('') }, fc.constantFrom('/1', '/2', '/0', '/', '/x', '//2'))
  return fc.tuple(base, step).map(parts => parts.join(''))
}
const field = (min: number, max: number) => fc.array(part(min, max), { minLength: 1, maxLength: 2 }).map(parts => parts.join(','))
const expression = fc.tuple(...BOUNDS.map(([min, max]) => field(min, max))).map(fields => fields.join(' '))

test('a cron expression has a problem exactly where the engine does not take it', () => {
  fc.assert(
    fc.property(fc.oneof(expression, fc.string({ unit: fc.constantFrom(...'0159*/-, @ajn') })), cron => {
      expect([cron, cronProblem(cron) === null]).toEqual([cron, isTaken(cron)])
    }),
    { numRuns: 500 },
  )
})

test('a cron expression with one wrong field has a problem that names this field, its bounds and what was found', () => {
  const wrong = fc.tuple(fc.nat({ max: 4 }), fc.constantFrom('99', 'x', '1-99', '-', '*-1', '1,x'))
  fc.assert(
    fc.property(wrong, ([at, text]) => {
      const cron = ['*', '*', '*', '*', '*'].with(at, text).join(' ')
      const [min, max] = BOUNDS[at]!
      const name = ['minute', 'hour', 'day of the month', 'month', 'day of the week'][at]!
      expect(cronProblem(cron)).toMatch(new RegExp(`^the ${name}: expected ${min} to ${max}.*, found "(99|x|\\*|)"$`))
    }),
    { numRuns: 50 },
  )
})
