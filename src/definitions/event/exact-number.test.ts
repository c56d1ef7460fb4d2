import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { describeInexact, isExactNumber, isInexactText, markInexact } from './exact-number.ts'

test.each([
  '0',
  '-0',
  '0e5',
  '0.000',
  '0.1',
  '0.10000000000000001',
  '3.33333333333333333333',
  '1e-300',
  '9007199254740991',
  '-9007199254740991',
  '9007199254740991.0',
  '100000000000000000000',
  '1e20',
  '6.02214076e23',
  '1.2345678901234567e+20',
  '1.7976931348623157e308',
])('the number %s is exact', literal => {
  expect(isExactNumber(literal)).toBeTrue()
})

test.each([
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9007199254740993.0',
  '9007199254740993e0',
  '90071992547409930e-1',
  '12345678901234567890',
  '1700000000123456789',
  '1e400',
  '-1e400',
  '1e-400',
  '1'.repeat(310),
  `0.${'0'.repeat(330)}1`,
])('the number %s is not exact', literal => {
  expect(isExactNumber(literal)).toBeFalse()
  expect(isInexactText(literal)).toBeTrue()
})

test('an integer within ±(2^53 - 1) is exact, and one beyond with more than 15 digits is not', () => {
  const beyond = fc.bigInt(2n ** 53n, 10n ** 30n).filter(n => n % 10n !== 0n)
  fc.assert(fc.property(fc.maxSafeInteger(), n => expect(isExactNumber(String(n))).toBeTrue()))
  fc.assert(fc.property(beyond, n => expect(isExactNumber(String(n))).toBeFalse()))
})

test('a text, a key, and a number that is exact are left as they are', () => {
  const text = '{"9007199254740993":["9007199254740993","\\"1e400",1e3,-0.5e-3],"id":"f1e400aa"}'
  expect(markInexact(text)).toBe(text)
  const pieces = fc.array(fc.constantFrom('"', '\\', '1', '1e999', ',', ' '), { maxLength: 20 })
  fc.assert(
    fc.property(pieces, parts => {
      const json = JSON.stringify([parts.join(''), 1e21])
      expect(markInexact(json)).toBe(json)
    }),
  )
})

test('each number that is not exact becomes a text that says what it was', () => {
  const marked = JSON.parse(markInexact('{"a":[1,9007199254740993 ,"x"],"b":-1e400}')) as { a: unknown[]; b: string }
  expect(marked.a).toEqual([1, '\udfff9007199254740993', 'x'])
  expect(describeInexact(marked.b)).toBe(
    'the number -1e400 is beyond what a double holds; send an integer within ±9007199254740991, or a text',
  )
  expect(describeInexact(JSON.parse(markInexact('1'.repeat(400))) as string)).toContain(`${'1'.repeat(40)}… is`)
  expect(describeInexact('9007199254740993')).toBeNull()
})

test('a long text of numbers and escapes is checked in one pass', () => {
  const numbers = `[${'1e1,'.repeat(5_000)}"${'\\n'.repeat(5_000)}",1e400]`
  expect(markInexact(numbers)).toBe(numbers.replace('1e400', '"\\udfff1e400"'))
})
