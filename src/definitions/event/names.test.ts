import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { isId, NAME_LENGTH_MAX, nameProblem, requireKey } from './names.ts'
import { anyUnit } from '../../test-support/any-text.ts'

test.each<[string, unknown, string]>([
  ['an empty text', '', 'an id is a text of 1 to 400 characters'],
  ['a number', 5, 'an id is a text of 1 to 400 characters'],
  ['null', null, 'an id is a text of 1 to 400 characters'],
  ['a text too long', 'x'.repeat(401), 'an id has at most 400 characters, and this has 401'],
  ['a text with NUL', 'a\0', 'an id holds no NUL and no lone surrogate'],
  ['half a character', '\udc00', 'an id holds no NUL and no lone surrogate'],
  ['this step', '.', 'an id is neither . nor .., because no URL can hold these'],
  ['the step up', '..', 'an id is neither . nor .., because no URL can hold these'],
])('a name cannot be %s, and the problem says why', (_, value, problem) => {
  expect(nameProblem('an id', value)).toBe(problem)
})

test('a name can be any text of the length that a URL gives back, and no other', () => {
  const text = fc.oneof(
    fc.string({ maxLength: NAME_LENGTH_MAX, unit: anyUnit }),
    fc.string({ maxLength: 3, unit: fc.constantFrom('.', '%', '/', '\0', '\ud800', '\n', '\u0080', ' ') }),
  )
  fc.assert(
    fc.property(text, text => {
      const path = `/a/${encodeURIComponent(text.toWellFormed())}/b`
      const isKept = new URL(path, 'http://x').pathname === path && text !== ''
      expect(nameProblem('an id', text) === null).toBe(isKept && text.isWellFormed() && !text.includes('\0'))
      expect(isId(text)).toBe(nameProblem('an id', text) === null)
    }),
  )
})

test('a key that a function made is given back, or refused with the event, the key and the reason', () => {
  const placed = { category: 'order', type: 'Placed' }
  expect(requireKey('orders', placed, 'a\n')).toBe('a\n')
  expect(() => requireKey('orders', placed, undefined)).toThrow(
    'orders: the key of order.Placed gave undefined, which is no key: a key is a text of 1 to 400 characters',
  )
  expect(() => requireKey('orders', placed, 'x'.repeat(100_000))).toThrow(/^.{0,250}and this has 100000$/)
})
