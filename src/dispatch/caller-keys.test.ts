import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { scopeKey } from './caller-keys.ts'

/** What an index of PostgreSQL takes, in bytes. */
const INDEXED_BYTES = 2_700

describe('scopeKey', () => {
  test('a key of a caller without an actor is the key that earlier releases stored', () => {
    expect(scopeKey('client:account.deposit:1', undefined)).toBe('client:account.deposit:1')
  })

  test('two keys in the log are the same only if actor and key are the same', () => {
    const who = fc.option(fc.string({ minLength: 1 }), { nil: undefined })
    const key = fc.string().map(said => `client:account.deposit:${said}`)
    fc.assert(
      fc.property(who, key, who, key, (one, said, other, saidToo) => {
        expect(scopeKey(said, one) === scopeKey(saidToo, other)).toBe(one === other && said === saidToo)
      }),
    )
  })

  test('the longest key of the longest actor fits an index', () => {
    const [longest, name] = ['絵'.repeat(400), `a${'b'.repeat(62)}`]
    expect(Buffer.byteLength(scopeKey(`client:${name}.${name}:${longest}`, longest))).toBeLessThan(INDEXED_BYTES)
  })
})
