import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { compareText } from './compare-text.ts'
import { endOfPrefix } from './filter.ts'

test.each([
  ['a', 'b'],
  ['ab', 'ac'],
  ['', null],
  ['\u{10ffff}', null],
  ['a\u{10ffff}', 'b'],
  ['a\ud7ff', 'a\ue000'],
  ['\uffff', '\u{10000}'],
])('the end of the prefix %j is %j', (prefix, end) => {
  expect(endOfPrefix(prefix)).toBe(end)
})

test('a text has a prefix exactly where it is not below the prefix and below its end', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}'),
    maxLength: 3,
  })
  const property = fc.property(text, text, (prefix, found) => {
    const end = endOfPrefix(prefix)
    const isWithin = compareText(found, prefix) >= 0 && (end === null || compareText(found, end) < 0)
    expect(isWithin).toBe(found.startsWith(prefix))
  })
  fc.assert(property, { numRuns: 500 })
})
