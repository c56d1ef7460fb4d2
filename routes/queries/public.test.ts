import { afterEach, describe, expect, test } from 'bun:test'
import { atPosition, type Client } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { countingQuery } from '../../src/test-support/thing-queries.ts'

afterEach(cleanUp)

describe('a public answer', () => {
  const POLICY = ['cache-control', 'cdn-cache-control', 'vary']

  test('a public answer may be cached by a CDN until it is purged, while browsers revalidate', async () => {
    const { named } = countingQuery({ public: true, stale: '1 hour' })
    const { say, get } = openThingApp([named])
    const position = await say('a', 'set', looks("l'été, à"))
    const answer = await get(`/named?name=${encodeURIComponent("l'été, à")}&min-position=${position}`)
    expect(pickHeaders(answer.headers, ...POLICY)).toEqual([
      'public, max-age=0, must-revalidate',
      'max-age=3600, stale-while-revalidate=3600',
      'Min-Position',
    ])
    const tags = answer.headers.get('surrogate-key')!.split(' ')
    expect(tags).toContain('name%3Al%27%C3%A9t%C3%A9%2C%20%C3%A0')
    expect(tags).toContain('named')
    expect(answer.headers.get('cache-tag')!.split(',')).toEqual(tags)
    const known = await get(`/named?name=${encodeURIComponent("l'été, à")}`, { 'If-None-Match': answer.headers.get('etag')! })
    expect([known.status, ...pickHeaders(known.headers, ...POLICY, 'surrogate-key')]).toEqual([
      304,
      ...pickHeaders(answer.headers, ...POLICY, 'surrogate-key'),
    ])
  })

  test('a public answer that found nothing may be cached by a CDN for a tenth of the time, and not stale', async () => {
    const { named } = countingQuery({ public: true, stale: '1 hour' })
    expect(pickHeaders((await openThingApp([named]).get('/named?name=x')).headers, 'cdn-cache-control')).toEqual(['max-age=360'])
  })

  test('a public answer is private when requested with Min-Position, and public with ?min-position=', async () => {
    const { named } = countingQuery({ public: true })
    const { say, get } = openThingApp([named])
    const position = await say('a', 'set', looks('apple'))
    const byHeader = await get('/named?name=apple', atPosition(position))
    expect(pickHeaders(byHeader.headers, ...POLICY, 'surrogate-key')).toEqual(['private, no-cache', null, 'Min-Position', null])
    const byQuery = await get(`/named?name=apple&min-position=${position}`)
    expect(pickHeaders(byQuery.headers, ...POLICY)).toEqual([
      'public, max-age=0, must-revalidate',
      'max-age=3600',
      'Min-Position',
    ])
  })

  test('a public answer that is a problem may be cached by nobody', async () => {
    const { named } = countingQuery({ public: true })
    const { get } = openThingApp([named])
    for (const path of ['/named', '/named?name=a&min-position=9', '/named?name=a&x=1'])
      expect(pickHeaders((await get(path)).headers, 'cache-control', 'cdn-cache-control', 'surrogate-key')).toEqual([
        'no-store',
        null,
        null,
      ])
  })

  /** A shared cache by the letter of RFC 9111 and 9213: by URL and Vary, for as long as it may, and no longer. */
  function sharedCache(get: Client['get'], obeysVary: boolean) {
    const kept = new Map<string, Awaited<ReturnType<Client['get']>>>()
    return async (path: string, headers: Record<string, string> = {}) => {
      const key = `${path} ${obeysVary ? (headers['Min-Position'] ?? '') : ''}`
      // What its vendor's manual says of caches that do not know Vary, and what our VCL does: who asks by header is passed on.
      const found = !obeysVary && 'Min-Position' in headers ? undefined : kept.get(key)
      if (found) return found
      const answer = await get(path, headers)
      const control = answer.headers.get('cdn-cache-control') ?? answer.headers.get('cache-control') ?? ''
      if (/max-age=[1-9]/.test(control) && !/private|no-store|no-cache/.test(control)) kept.set(key, answer)
      return answer
    }
  }

  test.each([true, false])(
    'a public answer in a cache that obeys Vary (%p) never hides what its client knows',
    async obeysVary => {
      const { named } = countingQuery({ public: true })
      const { say, get } = openThingApp([named])
      const through = sharedCache(get, obeysVary)
      let position = '0'
      for (let price = 0; price < 5; price++) {
        position = await say('a', 'set', looks('apple', { price }))
        await through('/named?name=apple')
        expect((await through('/named?name=apple', atPosition(position))).body).toEqual([{ key: 'a', price }])
        expect((await through(`/named?name=apple&min-position=${position}`)).body).toEqual([{ key: 'a', price }])
      }
      // That it keeps anything at all.
      expect((await through('/named?name=apple')).body).not.toEqual([{ key: 'a', price: 4 }])
    },
  )
})
