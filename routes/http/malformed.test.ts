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
])('%j stops being JSON at %d', (text, at) => {
  expect(() => JSON.parse(text)).toThrow()
  expect(malformedAt(text)).toBe(at)
})

test('what JSON.parse takes is JSON to its end', () => {
  fc.assert(fc.property(fc.json(), text => expect(malformedAt(` ${text} `)).toBe(text.length + 2)))
})

test('of a mutated text, what stands before the place could still become JSON', () => {
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

test('nesting and length cost no stack', () => {
  expect(malformedAt('['.repeat(500_000))).toBe(500_000)
  expect(malformedAt(`"${'\\n'.repeat(500_000)}`)).toBe(0)
  expect(malformedAt(`"${'x'.repeat(1_000_000)}"x`)).toBe(1_000_002)
})

test('what is not expected is told with its line and column', () => {
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
])('%j is no UTF-8 from byte %d on', (bytes, at) => {
  expect(notUtf8At(Uint8Array.from(bytes))).toBe(at)
})
