import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { anyUnit } from './any-text.ts'

describe('random text', () => {
  test('random text has every kind of code point, no half of a pair, and may be a name of Object.prototype', () => {
    const texts = fc.sample(fc.string({ unit: anyUnit }), { numRuns: 2_000, seed: 7 })
    expect(texts.every(text => text.isWellFormed())).toBeTrue()
    for (const kind of [/\p{Cc}/u, /[ -~]/, /[\u0080-\ud7ff]/, /[\ue000-\uffff]/, /[\u{10000}-\u{10ffff}]/u])
      expect(
        texts.some(text => kind.test(text)),
        String(kind),
      ).toBeTrue()
    expect(fc.string({ unit: anyUnit }).canShrinkWithoutContext('__proto__')).toBeTrue()
  })

  test('random text reaches both sides of the surrogates and the last code point', () => {
    expect(fc.sample(anyUnit, { numRuns: 2_000, seed: 7 })).toContain('\u{10ffff}')
    for (const text of ['\ud7ff', '\ue000', '\0', '\u{10ffff}']) expect(anyUnit.canShrinkWithoutContext(text)).toBeTrue()
    for (const text of ['\ud800', '\udfff', 'ab', '']) expect(anyUnit.canShrinkWithoutContext(text), text).toBeFalse()
  })
})
