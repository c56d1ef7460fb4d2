import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { parseToken, token } from './token.ts'

const epoch = fc.integer({ min: 1, max: 999_999_999 })
const position = fc.nat({ max: Number.MAX_SAFE_INTEGER })

test('a token is the position, with the epoch before it from the second epoch on', () => {
  expect([token({ epoch: 1 }, 812), token({ epoch: 2 }, 812), token({ epoch: 1 }, 0)]).toEqual(['812', '2.812', '0'])
})

test('a token is read as it was written', () => {
  fc.assert(
    fc.property(epoch, position, (epoch, position) => {
      expect(parseToken(token({ epoch }, position))).toEqual({ epoch, position })
    }),
  )
})

test.each(['', ' ', '-1', '+1', '01', '1.', '.1', '0.1', '1.2', '1.2.3', '1e3', '0x1', '9007199254740992', '٣', '12 ', 'null'])(
  '%p is no token',
  text => {
    expect(parseToken(text)).toBeNull()
  },
)

test('text that was not written as a token is never read as one', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const found = parseToken(text)
      if (found) expect(token(found, found.position)).toBe(text)
    }),
  )
})
