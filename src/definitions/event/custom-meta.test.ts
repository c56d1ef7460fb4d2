import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { CUSTOM_META_LENGTH_MAX, customMetaProblem } from './custom-meta.ts'

/** The length of `{"x":"…"}` around its text. */
const FRAME = 8
const ofLength = (length: number) => ({ x: 'x'.repeat(length - FRAME) })

describe('custom metadata', () => {
  test('custom metadata of as much JSON as may be is taken, and of one character more is refused with both lengths', () => {
    expect(customMetaProblem(ofLength(CUSTOM_META_LENGTH_MAX))).toBeNull()
    const message = 'a meta is at most 4096 characters of JSON, found 4097'
    expect(customMetaProblem(ofLength(CUSTOM_META_LENGTH_MAX + 1))).toEqual({ path: '/meta', message })
  })

  test.each<[unknown, string, string]>([
    [null, '/meta', 'a meta is an object'],
    ['x', '/meta', 'a meta is an object'],
    [['x'], '/meta', 'a meta is an object'],
    [{ at: new Date(0) }, '/meta/at', 'Date is no JSON'],
    [{ n: [1, Number.NaN] }, '/meta/n/1', 'NaN is no JSON'],
    [{ a: { b: 'x\0' } }, '/meta', 'a meta holds no NUL'],
    [{ 'a\0': 1 }, '/meta', 'a meta holds no NUL'],
    [{ a: '\ud800' }, '/meta/a', 'a lone surrogate is no text'],
  ])('%j is no custom metadata, which names its place %s', (meta, path, message) => {
    expect(customMetaProblem(meta)).toEqual({ path, message: expect.stringContaining(message) })
  })

  test('custom metadata that is taken is what JSON gives back', () => {
    const taken = fc.dictionary(fc.string(), fc.jsonValue()).filter(meta => customMetaProblem(meta) === null)
    fc.assert(
      fc.property(taken, meta => expect(JSON.parse(JSON.stringify(meta))).toEqual(meta)),
      { numRuns: 30 },
    )
    // A backslash before u0000 is no NUL.
    expect(customMetaProblem({ a: String.raw`\u0000` })).toBeNull()
  })
})
