// A unit of random text. That of fast-check, 'binary', costs a second or two in each file that names it.
import fc from 'fast-check'

const SURROGATES_FIRST = 0xd800
const SURROGATES_COUNT = 0x800
const CODE_POINTS_MAX = 0x10ffff

/** Any code point but a half of a pair. */
export const anyUnit: fc.Arbitrary<string> = fc.integer({ min: 0, max: CODE_POINTS_MAX - SURROGATES_COUNT }).map(toText, toNumber)

function toText(nth: number): string {
  return String.fromCodePoint(nth < SURROGATES_FIRST ? nth : nth + SURROGATES_COUNT)
}

/** The way back, without which fast-check would not mix in names such as `__proto__`. */
function toNumber(text: unknown): number {
  const code = typeof text === 'string' ? text.codePointAt(0) : undefined
  if (code === undefined) throw new Error('no text, or an empty one')
  const nth = code < SURROGATES_FIRST ? code : code - SURROGATES_COUNT
  if (toText(nth) !== text) throw new Error('a half of a pair, or more than one code point')
  return nth
}
