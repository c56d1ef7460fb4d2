import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { Hono } from 'hono'
import { cors } from 'hono/cors'
import { z } from 'zod'
import { spec } from '../../src/definitions/event/events.ts'
import { type CachePolicy, query } from '../../src/definitions/query.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openClient } from '../../src/test-support/http.ts'
import { looks, shelves, thing, things } from '../../src/test-support/shop.ts'
import type { AppOptions } from '../app.ts'
import { cachedAnswersOf } from './queries.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

afterEach(cleanUp)

const params = z.object({ id: z.string(), day: z.string().optional() })
const findThing = (cache: CachePolicy<z.output<typeof params>>) =>
  query('found', { params, cache, run: ({ id }, read) => read(things).get(id) })

/** A shop whose query keeps its answers, and how often one had to be asked for the long way. */
async function openShop(cache: CachePolicy<z.output<typeof params>>, options: Partial<AppOptions> = {}) {
  const opened = openClient({ serve: [thing, things, shelves, findThing(cache)], ...options })
  const emaki = await opened.app[spec].start()
  const { queryAnswers, subscriptions } = emaki
  const asks = spyOn(queryAnswers, 'answer')
  const set = async (id: string, name: string) => {
    const { headers } = await opened.post(`/thing/${id}/set`, looks(name))
    await untilProcessed(emaki, Number(headers.get('event-position')))
  }
  await set('t1', 'one')
  return { ...opened, set, subscriptions, asks: () => asks.mock.calls.length }
}

const headersBesides = ({ headers }: { readonly headers: Headers }, ...names: readonly string[]) =>
  Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id' && !names.includes(name)))

describe('a cached answer', () => {
  const policies: readonly CachePolicy<z.output<typeof params>>[] = [
    { ttl: '1 minute' },
    { ttl: '1 minute', public: true },
    { ttl: '1 minute', stale: '1 minute', public: true, tags: ({ id }) => [`thing ${id}`] },
  ]

  test.each(policies.flatMap(policy => ['t1', 'nothing'].map(id => [policy, id] as const)))(
    'a cached answer equals the built one, with the policy %j for %s',
    async (policy, id) => {
      const { get, asks } = await openShop(policy)
      const miss = await get(`/found?id=${id}`)
      const kept = await get(`/found?id=${id}`)
      expect(asks()).toBe(1)
      // The same in other words: nobody knows yet what they ask for.
      const hit = await get(`/found?id=${id}&`)
      expect(asks()).toBe(2)
      expect({ ...kept, headers: headersBesides(kept) }).toEqual({ ...hit, headers: headersBesides(hit) })
      expect({ ...kept, headers: headersBesides(kept, 'cache-status') }).toEqual({
        ...miss,
        headers: headersBesides(miss, 'cache-status'),
      })
      expect(headersBesides(kept)).toMatchObject({ 'cache-status': 'emaki; hit', 'content-type': 'application/json', age: '0' })
    },
  )

  test('a cached answer has a new request id each time, or that of its request', async () => {
    const { get, asks } = await openShop({ ttl: '1 minute' })
    const idOf = async (headers = {}) => (await get('/found?id=t1', headers)).headers.get('x-request-id')
    const ids = [await idOf(), await idOf(), await idOf()]
    expect(new Set(ids).size).toBe(3)
    expect(await idOf({ 'X-Request-Id': 'r-1' })).toBe('r-1')
    expect(await idOf({ 'X-Request-Id': 'not good' })).toMatch(/^[0-9a-f-]{36}$/)
    expect(asks()).toBe(1)
  })

  test('a cached answer is not served once its rows have changed', async () => {
    const { get, set, asks } = await openShop({ ttl: '1 minute', stale: '1 minute' })
    const bodies: unknown[] = []
    for (const name of ['one', 'two', 'three']) {
      await set('t1', name)
      for (let i = 0; i < 3; i++) bodies.push((await get('/found?id=t1')).body)
    }
    expect(bodies).toEqual(['one', 'two', 'three'].flatMap(name => Array(3).fill(expect.objectContaining({ name }))))
    expect(asks()).toBe(3)
  })

  test('a cached answer is not served once another version of the projection serves', async () => {
    const { get, subscriptions, asks } = await openShop({ ttl: '1 minute' })
    await get('/found?id=t1')
    await get('/found?id=t1')
    expect(asks()).toBe(1)
    Object.defineProperty(subscriptions, 'tables', { get: () => 'others' })
    expect((await get('/found?id=t1')).headers.get('cache-status')).toBe('emaki; fwd=miss')
    expect((await get('/found?id=t1')).headers.get('cache-status')).toBe('emaki; hit')
    expect(asks()).toBe(2)
  })

  test('a cached answer grows in age, and is served as it was no longer than its time', async () => {
    let now = 1_000_000
    const { get } = await openShop({ ttl: '10 seconds', stale: '10 seconds' }, { now: () => now })
    const shown = async () => {
      const { headers } = await get('/found?id=t1')
      return [headers.get('cache-status'), headers.get('age')]
    }
    expect(await shown()).toEqual(['emaki; fwd=miss', '0'])
    now += 2_500
    expect(await shown()).toEqual(['emaki; hit', '2'])
    now += 1_000
    expect(await shown()).toEqual(['emaki; hit', '3'])
    now += 8_000
    expect(await shown()).toEqual(['emaki; hit; detail=stale', '11'])
    now += 60_000
    expect(await shown()).toEqual(['emaki; fwd=miss', '0'])
  })

  test('a cached answer is 304 to a client that has its tag', async () => {
    const { get } = await openShop({ ttl: '1 minute' })
    const { headers } = await get('/found?id=t1')
    const tag = headers.get('etag')!
    expect(await get('/found?id=t1', { 'If-None-Match': tag })).toMatchObject({ status: 304, body: '' })
    expect(await get('/found?id=t1', { 'If-None-Match': '"another"' })).toMatchObject({ status: 200 })
  })

  test('a cached answer is not served at once to a client that requests a position', async () => {
    const { get, asks } = await openShop({ ttl: '1 minute', public: true })
    await get('/found?id=t1')
    const { headers } = await get('/found?id=t1', { 'Min-Position': '1' })
    expect(headers.get('cache-control')).toBe('private, no-cache')
    await get('/found?id=t1&min-position=1')
    await get('/found?id=t1&min-position=1')
    expect(await get('/found?id=t1', { 'Min-Position': '99' })).toMatchObject({ status: 409 })
    expect(asks()).toBe(4)
  })

  test('a cached answer is built again where a default of its parameters may change', async () => {
    let day = 'monday'
    const daily = query('daily', {
      params: z.object({ day: z.string().default(() => day) }),
      cache: { ttl: '1 hour' },
      run: async params => params,
    })
    const { get } = await openShop({ ttl: '1 minute' }, { serve: [thing, things, daily] })
    expect(await get('/daily')).toMatchObject({ body: { day: 'monday' } })
    day = 'tuesday'
    expect(await get('/daily')).toMatchObject({ body: { day: 'tuesday' } })
  })

  test('a cached answer has the headers of middleware around the app, and is not served where middleware refuses', async () => {
    const { app, get } = await openShop({ ttl: '1 minute' })
    const outer = new Hono()
      .use('/shared/*', cors())
      .use('/set/*', async (c, next) => {
        c.header('X-Before', 'b')
        await next()
        c.header('X-After', 'a')
      })
      .use('/closed/*', async c => c.text('no', 401))
      .route('/', app)
      .route('/shared', app)
      .route('/set', app)
      .route('/closed', app)
    const shown = async (path: string) => {
      const { status, headers } = await outer.request(path)
      const names = ['cache-status', 'x-frame-options', 'access-control-allow-origin', 'x-before', 'x-after']
      return [status, ...names.map(name => headers.get(name))]
    }
    await get('/found?id=t1')
    for (const path of ['', '/shared', '/set', '/closed']) await outer.request(`${path}/found?id=t1`)
    expect(await shown('/found?id=t1')).toEqual([200, 'emaki; hit', 'SAMEORIGIN', null, null, null])
    expect(await shown('/shared/found?id=t1')).toEqual([200, 'emaki; hit', 'SAMEORIGIN', '*', null, null])
    expect(await shown('/set/found?id=t1')).toEqual([200, 'emaki; hit', 'SAMEORIGIN', null, 'b', 'a'])
    expect(await shown('/closed/found?id=t1')).toEqual([401, null, null, null, null, null])
  })

  test('a cached answer is 413 to a request with too large a body', async () => {
    const { app, get } = await openShop({ ttl: '1 minute' }, { bodyLimit: 10 })
    await get('/found?id=t1')
    const url = 'http://localhost/found?id=t1'
    const long = new Request(url, { method: 'POST', body: 'x'.repeat(11) })
    // No client of fetch sends a body by GET, though others may.
    const { status } = await app.fetch(
      new Proxy(long, { get: (to, key) => (key === 'method' ? 'GET' : Reflect.get(to, key, to)) }),
    )
    expect(status).toBe(413)
  })

  test('a cached answer is found by at most as many query strings as there is room for', () => {
    const kept = cachedAnswersOf([findThing({ ttl: '1 minute' })[spec]]).get('found')!
    for (let i = 0; i < 100_000; i++) kept.remember(`id=${i}`, `{"id":"${i}"}`)
    expect(kept.bytes).toBeGreaterThan(4_000_000)
    expect(kept.bytes).toBeLessThanOrEqual(4 * 1_048_576)
    kept.remember('x'.repeat(5_000_000), '{}')
    expect(kept.bytes).toBeLessThanOrEqual(4 * 1_048_576)
  })
})
