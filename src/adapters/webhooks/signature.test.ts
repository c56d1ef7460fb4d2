// Signatures against the reference implementation of Standard Webhooks.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { retryAfter } from './post.ts'
import { keysOf, sign, standardWebhooks } from './signature.ts'

const secretOf = (fill: number, bytes = 32) => `whsec_${Buffer.alloc(bytes, fill).toString('base64')}`
const [OLD, NEW, OTHER] = [secretOf(1), secretOf(2), secretOf(3)]
const now = Date.now()
const seconds = Math.floor(now / 1_000)
const isAccepted = (secrets: string | string[], headers: Readonly<Record<string, string>>, body: string, at = now) =>
  standardWebhooks(secrets, { now: () => at })(name => headers[name], body)

describe('a signature', () => {
  const texts = fc.tuple(fc.uuid(), fc.string({ unit: 'grapheme', maxLength: 200 }))

  test('a signature of ours is accepted by the reference implementation, with each of several secrets', () => {
    fc.assert(
      fc.property(texts, ([id, body]) => {
        const headers = sign(keysOf('', [NEW, OLD]), id, seconds, body)
        for (const secret of [OLD, NEW]) new Webhook(secret).verify(body, headers, { jsonParse: false })
        expect(() => new Webhook(OTHER).verify(body, headers, { jsonParse: false })).toThrow('No matching signature')
      }),
    )
  })

  test('a signature of the reference implementation is accepted', () => {
    fc.assert(
      fc.property(texts, ([id, body]) => {
        const headers = {
          'webhook-id': id,
          'webhook-timestamp': String(seconds),
          'webhook-signature': new Webhook(OLD).sign(id, new Date(seconds * 1_000), body),
        }
        expect(isAccepted([NEW, OLD], headers, body)).toBeNull()
        expect(isAccepted(NEW, headers, body)).toContain('no webhook-signature is by')
      }),
    )
  })

  const body = '{"n":1}'
  const headers = sign(keysOf('', OLD), 'm1', seconds, body)
  test.each([
    ['another body', headers, '{"n":2}', 'no webhook-signature'],
    ['another id', { ...headers, 'webhook-id': 'm2' }, body, 'no webhook-signature'],
    ['another time', { ...headers, 'webhook-timestamp': String(seconds - 1) }, body, 'no webhook-signature'],
    ['no time', { ...headers, 'webhook-timestamp': 'now' }, body, 'is no time'],
    ['no signature', { ...headers, 'webhook-signature': '' }, body, 'is missing'],
    [
      'another scheme',
      { ...headers, 'webhook-signature': headers['webhook-signature'].replace('v1,', 'v1a,') },
      body,
      'no webhook-signature',
    ],
  ])('a signature with %s is refused', (_, changed, text, why) => {
    expect(isAccepted(OLD, changed, text)).toContain(why)
  })

  test('a signature that is five minutes old, or five minutes ahead, is refused', () => {
    for (const late of [-301_000, 302_000]) expect(isAccepted(OLD, headers, body, now + late)).toContain('too far from now')
    for (const late of [-298_000, 298_000]) expect(isAccepted(OLD, headers, body, now + late)).toBeNull()
  })

  test.each([[''], ['whsec_'], ['whsec_c2hvcnQ='], [secretOf(1, 65)], [OLD.slice(6)], [`${OLD} `], [[] as string[]]])(
    'a signature is made with no secret like %p, and the error does not show it',
    secret => {
      const makeVerifier = () => standardWebhooks(secret)
      expect(makeVerifier).toThrow(TypeError)
      expect(makeVerifier).not.toThrow(OLD.slice(6))
    },
  )
})

test('Retry-After is read in seconds and as a date', () => {
  const at = Date.parse('2026-01-01T00:00:00Z')
  expect(retryAfter(null, at)).toBeNull()
  expect(retryAfter('soon', at)).toBeNull()
  expect(retryAfter(' 120 ', at)).toBe(120_000)
  expect(retryAfter('Thu, 01 Jan 2026 00:01:00 GMT', at)).toBe(60_000)
  expect(retryAfter('Wed, 31 Dec 2025 00:00:00 GMT', at)).toBe(0)
})
