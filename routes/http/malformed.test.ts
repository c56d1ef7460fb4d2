import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { malformedAt, notUtf8At, describeMalformed } from './malformed.ts'

test.each([
  ['', 0],
  ['{', 1],
  ['{"cents":}', 9],
  ['{"cents":1', 10],
  ['{"cents":1}x', 11],
  ['{"a":1 "b":2}', 7],
  ['{"a" 1}', 5],
  ['{a:1}', 1],
  ["{'a':1}", 1],
  ['{"a":1,}', 7],
  ['[1,]', 3],
  ['[1 2]', 3],
  ['[1}', 2],
  ['{"a":[1}', 7],
  ['nul', 0],
  ['01', 1],
  ['1.', 1],
  ['-', 0],
  ['+1', 0],
  ['NaN', 0],
  ['"a', 0],
  ['"\u0001"', 0],
  ['["a","\\x"]', 5],
  ['\uFEFF{}', 0],
  [' \n [1, /* */ 2]', 7],
  ['{"a":{"b":[]}}{}', 14],
  [':', 0],
  [']', 0],
])('the text %j stops being JSON at %d', (text, at) => {
  expect(() => JSON.parse(text)).toThrow()
  expect(malformedAt(text)).toBe(at)
})

test('a text that JSON.parse accepts is JSON to its end', () => {
  fc.assert(fc.property(fc.json(), text => expect(malformedAt(` ${text} `)).toBe(text.length + 2)))
})

test('in a mutated text the part before the reported place could still become JSON', () => {
  const mutated = fc.tuple(fc.json(), fc.nat(), fc.constantFrom(...'{}[],:"\\01e.-x \n'))
  fc.assert(
    fc.property(mutated, ([json, n, character]) => {
      const text = json.slice(0, n % (json.length + 1)) + character + json.slice(n % (json.length + 1))
      const at = malformedAt(text)
      let parsed = true
      try {
        JSON.parse(text)
      } catch {
        parsed = false
      }
      if (parsed) expect(at).toBe(text.length)
      else expect(at).toBeWithin(0, text.length + 1)
    }),
  )
})

test('a text of deep nesting and great length is checked without a stack overflow', () => {
  expect(malformedAt('['.repeat(500_000))).toBe(500_000)
  expect(malformedAt(`"${'\\n'.repeat(500_000)}`)).toBe(0)
  expect(malformedAt(`"${'x'.repeat(1_000_000)}"x`)).toBe(1_000_002)
})

test('a text with an unexpected character is reported with its line and column', () => {
  expect(describeMalformed('{"a":\n 1 x}')).toBe('unexpected "x" at line 2, column 4')
  expect(describeMalformed('🎁')).toBe('unexpected "🎁" at line 1, column 1')
  expect(describeMalformed('{')).toBe('unexpected end at line 1, column 2')
})

test.each([
  [[0xff], 0],
  [[0x22, 0xc0, 0x80, 0x22], 1],
  [[0x22, 0xed, 0xa0, 0x80, 0x22], 1],
  [[0xef, 0xbf, 0xbd, 0x80], 3],
  [[0x22, 0xe2, 0x82], 1],
  [[0xf4, 0x90, 0x80, 0x80], 0],
])('the bytes %j stop being UTF-8 at byte %d', (bytes, at) => {
  expect(notUtf8At(Uint8Array.from(bytes))).toBe(at)
})
