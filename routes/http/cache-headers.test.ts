import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { cacheHeaders } from './cache-headers.ts'
import { encodeTag } from '../../src/ports/cache/tags.ts'
import { anyUnit } from '../../src/test-support/any-text.ts'

const POLICY = { ttlMs: 600_000, staleMs: 60_999 }

describe('the headers of a cached answer', () => {
  test('the headers of a public answer let a CDN cache it by its tags, and have browsers revalidate', () => {
    expect(
      cacheHeaders({ policy: POLICY, tags: ['order-17', 'orders', 'order-17'], position: 812, ageMs: 1_999, isPublic: true }),
    ).toEqual({
      'Event-Position': '812',
      Age: '1',
      'Cache-Control': 'public, max-age=0, must-revalidate',
      'CDN-Cache-Control': 'max-age=600, stale-while-revalidate=60',
      'Surrogate-Key': 'order-17 orders',
      'Cache-Tag': 'order-17,orders',
    })
  })

  test('the headers of a private answer let only its caller cache it, and name no tags', () => {
    expect(cacheHeaders({ policy: POLICY, tags: ['orders'], position: 812 })).toEqual({
      'Event-Position': '812',
      Age: '0',
      'Cache-Control': 'private, no-cache',
    })
  })

  test('the headers of an answer without a stale time name none', () => {
    const headers = cacheHeaders({ policy: { ttlMs: 5_000, staleMs: 0 }, tags: ['a'], position: 1, isPublic: true })
    expect(headers['CDN-Cache-Control']).toBe('max-age=5')
  })

  test('the headers of an answer with more tags than a purge can reach let no CDN cache it', () => {
    const tags = Array.from({ length: 1_000 }, (_, i) => `orders/${i}`)
    const headers = cacheHeaders({ policy: POLICY, tags, position: 1, isPublic: true })
    expect(headers['CDN-Cache-Control']).toBe('no-store')
    expect(headers).not.toHaveProperty('Surrogate-Key')
    expect(headers).not.toHaveProperty('Cache-Tag')
  })

  test('the headers of an answer with any tags are valid, and list each tag once', () => {
    const property = fc.property(
      fc.uniqueArray(fc.string({ unit: anyUnit, minLength: 1 }), { minLength: 1, maxLength: 10 }),
      tags => {
        const headers = new Headers(cacheHeaders({ policy: POLICY, tags, position: 1, isPublic: true }))
        const written = [...new Set(tags.map(encodeTag))]
        expect(headers.get('Surrogate-Key')!.split(' ')).toEqual(written)
        expect(headers.get('Cache-Tag')!.split(',')).toEqual(written)
      },
    )
    fc.assert(property)
  })
})

describe('an encoded tag', () => {
  test('an encoded tag is plain where its text is plain, and escapes all that could break a list', () => {
    expect(encodeTag('orders/o-1.2_3~x')).toBe('orders%2Fo-1.2_3~x')
    expect(encodeTag('a b,c"d\n\'ü😀')).toBe('a%20b%2Cc%22d%0A%27%C3%BC%F0%9F%98%80')
    expect(encodeTag('\ud800')).toBe('%EF%BF%BD')
  })

  test('an encoded tag has at most 200 characters, and still differs where only the end differs', () => {
    const [one, other] = ['1', '2'].map(end => encodeTag(`${'x'.repeat(500)}${end}`)) as [string, string] // As many.
    expect([one.length, other.length]).toEqual([200, 200])
    expect(one).not.toBe(other)
  })
})
