import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { PAYLOAD_DEPTH_MAX } from '../../src/definitions/event/payload.ts'
import { cutNesting } from './nesting.ts'

/** Makes a text long enough to be looked at, without another value in it. */
const long = (text: string) => ' '.repeat(2_000) + text
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test('a text that nests as deep as a payload may is not cut, whatever its texts hold', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: fc.constantFrom('[', '{', '"', '\\', ']', 'a') }), json => {
      expect(cutNesting(long(json))).toBe(long(json))
    }),
  )
  const whole = long(`{"${'['.repeat(99)}\\"":${nested(PAYLOAD_DEPTH_MAX - 1)}}`)
  expect(cutNesting(whole)).toBe(whole)
})

test('a text that nests deeper is cut at the first value that is too deep, and what is open is closed', () => {
  const open = '{"a":['.repeat(PAYLOAD_DEPTH_MAX / 2)
  const close = ']}'.repeat(PAYLOAD_DEPTH_MAX / 2)
  for (const rest of ['{"b":1}', '{', '{"b":1 x', '{[[[['])
    expect(cutNesting(long(`[1,${nested(9)}]${open}1,${rest}`))).toBe(long(`[1,${nested(9)}]${open}1,{}${close}`))
  expect(cutNesting('['.repeat(1_000_000))).toBe(nested(PAYLOAD_DEPTH_MAX + 1))
})

test('a text that is no JSON is cut nowhere, or where it nests too deep', () => {
  const pieces = fc.array(fc.constantFrom('[', '{', ']', '}', '"', '\\', ',', '[[[[[[[[', '{"a":'), { maxLength: 200 })
  fc.assert(
    fc.property(pieces, pieces => {
      const text = long(pieces.join(''))
      const cut = cutNesting(text)
      if (cut === text) return
      const kept = cut.replace(/[\]}]+$/, '')
      expect(text).toStartWith(kept)
      expect(kept).toMatch(/[[{]$/)
    }),
  )
})
