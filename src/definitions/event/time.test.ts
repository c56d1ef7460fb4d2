import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { readTime } from './time.ts'

test.each<[string | Date, string]>([
  ['2030-01-31T12:00:00Z', '2030-01-31T12:00:00.000Z'],
  ['2030-01-31t12:00z', '2030-01-31T12:00:00.000Z'],
  ['2030-03-31T02:30:00+02:00', '2030-03-31T00:30:00.000Z'],
  ['2030-03-31T02:30:00.123456-05:30', '2030-03-31T08:00:00.123Z'],
  ['2028-02-29T23:59:59Z', '2028-02-29T23:59:59.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  [new Date(7), '1970-01-01T00:00:00.007Z'],
])('the time %p is read as %s', (time, read) => {
  expect(new Date(readTime(time)).toISOString()).toBe(read)
})

test.each<unknown>([
  '2030-03-31T02:30:00',
  '2030-03-31',
  '2030-03-31 02:30:00Z',
  '31 March 2030 02:30 UTC',
  '2030-02-30T00:00:00Z',
  '2030-02-29T00:00:00+01:00',
  '2030-13-01T00:00:00Z',
  '2030-01-01T24:00:00Z',
  '2030-01-01T00:00:60Z',
  '2030-01-01T00:00:00+25:00',
  '2030-01-01T00:00:00 02:00',
  '+012030-01-01T00:00:00Z',
  '',
  'now',
  0,
  null,
  new Date(Number.NaN),
])('no time is read from %p', time => {
  expect(readTime(time)).toBeNaN()
})

test('each Date is read from its text', () => {
  const years = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true }
  fc.assert(fc.property(fc.date(years), date => expect(readTime(date.toISOString())).toBe(date.getTime())))
})
