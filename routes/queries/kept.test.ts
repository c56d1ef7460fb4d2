import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import type { Cache } from '../../src/ports/cache/cache.ts'
import { memoryCache } from '../../src/ports/cache/memory.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { query } from '../../src/definitions/query.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { atPosition, type Client } from '../../src/test-support/http.ts'
import { processor } from '../../src/definitions/processor.ts'
import { looks, Thing, things } from '../../src/test-support/shop.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { countingQuery } from '../../src/test-support/thing-queries.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

afterEach(cleanUp)

describe('a cached answer and its rows', () => {
  test('a cached answer is a miss, then a hit with its age, and 304 to a client that has it', async () => {
    const { named, runs } = countingQuery()
    let now = Date.parse('2026-01-01')
    const { say, get } = openThingApp([named], { now: () => now })
    const position = await say('a', 'set', looks('apple'))
    const miss = await get('/named?name=apple', atPosition(position))
    now += 61_500
    const hit = await get('/named?name=apple', atPosition(position))
    expect([miss.body, hit.body]).toEqual([[{ key: 'a', price: 1 }], [{ key: 'a', price: 1 }]])
    expect(pickHeaders(miss.headers, 'cache-status', 'age', 'cache-control', 'vary')).toEqual([
      'emaki; fwd=miss',
      '0',
      'private, no-cache',
      null,
    ])
    expect(pickHeaders(hit.headers, 'cache-status', 'age', 'etag', 'event-position')).toEqual([
      'emaki; hit',
      '61',
      miss.headers.get('etag'),
      '1',
    ])
    const known = await get('/named?name=apple', { 'If-None-Match': miss.headers.get('etag')! })
    expect([known.status, ...pickHeaders(known.headers, 'cache-status', 'age')]).toEqual([304, 'emaki; hit', '61'])
    expect(runs.times).toBe(1)
  })

  test('a cached answer is built again when a row that it was built of changes, and not when others do', async () => {
    const { named, runs } = countingQuery()
    const { say, get, app } = openThingApp([named])
    const awaitProcessed = async (position: string) => untilProcessed(await app[spec].start(), Number(position))
    const askNamed = async () => {
      const answer = await get('/named?name=apple')
      return [answer.headers.get('cache-status')!.replace('emaki; ', ''), answer.body]
    }
    await awaitProcessed(await say('a', 'set', looks('apple')))
    expect(await askNamed()).toEqual(['fwd=miss', [{ key: 'a', price: 1 }]])
    await awaitProcessed(await say('b', 'set', looks('pear')))
    expect(await askNamed()).toEqual(['hit', [{ key: 'a', price: 1 }]])
    await awaitProcessed(await say('a', 'set', looks('apple', { price: 2 })))
    expect(await askNamed()).toEqual(['fwd=miss', [{ key: 'a', price: 2 }]])
    await awaitProcessed(await say('b', 'set', looks('apple')))
    expect(await askNamed()).toEqual([
      'fwd=miss',
      [
        { key: 'a', price: 2 },
        { key: 'b', price: 1 },
      ],
    ])
    await awaitProcessed(await say('a', 'set', looks('fig')))
    expect(await askNamed()).toEqual(['fwd=miss', [{ key: 'b', price: 1 }]])
    await awaitProcessed(await say('b', 'remove'))
    expect(await askNamed()).toEqual(['fwd=miss', null])
    expect(await askNamed()).toEqual(['hit', null])
    expect(runs.times).toBe(5)
  })

  test('a cached answer is not served to a client that knows a later event, and one at the head is once it has waited', async () => {
    const { named } = countingQuery()
    const { say, get } = openThingApp([named])
    await get('/named?name=apple')
    for (let price = 0; price < 20; price++) {
      const position = await say('a', 'set', looks('apple', { price }))
      expect((await get(`/named?name=apple&min-position=${position}`)).body).toEqual([{ key: 'a', price }])
    }
  })

  test('a cached answer is served for a while after its time, and built again behind it', async () => {
    const { named } = countingQuery({ stale: '1 hour' })
    let now = Date.parse('2026-01-01')
    const { say, get } = openThingApp([named], { now: () => now })
    const position = await say('a', 'set', looks('apple'))
    await get('/named?name=apple', atPosition(position))
    now += 4_200_000
    expect(pickHeaders((await get('/named?name=apple')).headers, 'cache-status', 'age')).toEqual([
      'emaki; hit; detail=stale',
      '4200',
    ])
    await until('it was built again', async () => (await get('/named?name=apple')).headers.get('age') === '0')
  })

  test('a cached answer that found nothing is served for a tenth of the time, and never afterwards', async () => {
    const { named, runs } = countingQuery({ stale: '1 hour' })
    let now = Date.parse('2026-01-01')
    const { get } = openThingApp([named], { now: () => now })
    expect((await get('/named?name=apple')).body).toBeNull()
    expect((await get('/named?name=apple')).headers.get('cache-status')).toBe('emaki; hit')
    now += 500_000
    expect((await get('/named?name=apple')).headers.get('cache-status')).toBe('emaki; fwd=miss')
    expect(runs.times).toBe(2)
  })

  test('a cached answer is built again once its own tag is invalidated, in every tier and by a processor too', async () => {
    const { named, runs } = countingQuery()
    const outside = { rate: 1 }
    const rates = query('rates', {
      params: z.object({}),
      cache: { ttl: '1 hour', tags: () => ['rate'] },
      run: async () => ({ ...outside }),
    })
    const purged: string[] = []
    const cdn = { purge: async (tags: readonly string[]) => void purged.push(...tags), purgeAll: async () => {} }
    const refresh = processor('refresh', {
      from: Thing,
      types: ['Removed'],
      handle: async () => (await app[spec].start()).invalidate(['rate']),
    })
    const raised: (readonly string[])[] = []
    const shared = memoryCache()
    const raise: Cache['raise'] = (tags, position) => {
      raised.push(tags)
      return shared.raise(tags, position)
    }
    const { say, get, app } = openThingApp([named, rates, refresh], { cdn, cache: () => ({ ...shared, raise }) })
    const emaki = await app[spec].start()
    const awaitProcessed = async (position: string) => await untilProcessed(emaki, Number(position))
    const how = async (path: string) => (await get(path)).headers.get('cache-status')!.replace('emaki; ', '')
    await awaitProcessed(await say('a', 'set', looks('apple')))
    for (const path of ['/named?name=apple', '/named?name=pear', '/rates'])
      expect([await how(path), await how(path)]).toEqual(['fwd=miss', 'hit'])
    await emaki.invalidate(['name:apple'])
    expect([await how('/named?name=apple'), await how('/named?name=pear'), await how('/rates')]).toEqual([
      'fwd=miss',
      'hit',
      'hit',
    ])
    outside.rate = 2
    await awaitProcessed(await say('b', 'remove'))
    expect((await get('/rates')).body).toEqual({ rate: 2 })
    await awaitProcessed(await say('b', 'set', looks('fig')))
    for (const path of ['/named?name=apple', '/rates']) expect([await how(path), await how(path)]).toEqual(['fwd=miss', 'hit'])
    expect(runs.times).toBe(4)
    expect(raised).toEqual(expect.arrayContaining([['name:apple'], ['rate']]))
    await app[spec].stop()
    expect(purged).toEqual(expect.arrayContaining(['name:apple', 'rate', 'things_v1:a', 'things_v1.name:apple', 'things_v1.*']))
  })

  test('a cached answer is one for the same parameters, however they are written', async () => {
    const params = z.object({ a: z.string(), b: z.int().default(1) })
    const pair = query('pair', { params, cache: { ttl: '1 hour' }, run: async ({ a, b }) => ({ a, b }) })
    const { get } = openThingApp([pair])
    const status = async (search: string) => (await get(`/pair?${search}`)).headers.get('cache-status')
    expect(await status('a=x&b=1')).toBe('emaki; fwd=miss')
    for (const same of ['b=1&a=x', 'a=%78', 'a=x&b=1.0', 'a=x&min-position=0']) expect(await status(same)).toBe('emaki; hit')
    for (const other of ['a=X', 'a=x&b=2', 'a=x%20']) expect(await status(other)).toBe('emaki; fwd=miss')
  })

  test('a cached answer is built again in a process once it hears what another process has folded', async () => {
    const { named } = countingQuery()
    const store = memory()
    const owner = openThingApp([named], { store })
    const awaitProcessed = async ({ app }: Client, position: string) =>
      await untilProcessed(await app[spec].start(), Number(position))
    await awaitProcessed(owner, await owner.say('a', 'set', looks('apple')))
    const other = openThingApp([named], { store })
    await awaitProcessed(other, '1')
    for (const status of ['emaki; fwd=miss', 'emaki; hit'])
      expect(pickHeaders((await other.get('/named?name=apple')).headers, 'cache-status')).toEqual([status])
    const position = await owner.say('a', 'set', looks('apple', { price: 2 }))
    await awaitProcessed(other, position)
    expect((await other.app[spec].start()).subscriptions.versionsOf('things').serving!.subscription.isOwner).toBeFalse()
    expect((await other.get('/named?name=apple')).body).toEqual([{ key: 'a', price: 2 }])
  })

  test('a cached answer is stale once another process takes over its rows, as the former owner may not have announced them', async () => {
    const store = memory()
    const first = openThingApp([], { store })
    const position = Number(await first.say('a', 'set', looks('apple')))
    await untilProcessed(await first.app[spec].start(), position)
    await first.app[spec].stop()
    const raised: unknown[] = []
    const shared = { ...memoryCache(), raise: async (...raise: Parameters<Cache['raise']>) => void raised.push(raise) }
    const { app } = openThingApp([], { store, cache: () => shared })
    await app[spec].start()
    await until('it is told', () => raised.length >= 2)
    expect(raised).toEqual(
      expect.arrayContaining([
        [['things_v1'], position],
        [['shelves_v1'], position],
      ]),
    )
  })

  test('a cached answer that lacks a row is stale once the row comes, even while it is being built', async () => {
    // The read finds no row; then the row comes, and is known of; then the answer is kept.
    const inner = memory()
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    let isHeld = true
    const get: typeof inner.readModel.get = async (table, key) => {
      const found = await inner.readModel.get(table, key)
      if (isHeld) {
        isHeld = false
        reached.resolve()
        await gate.promise
      }
      return found
    }
    const one = query('one', { params: z.object({}), cache: { ttl: '1 hour' }, run: async (_, read) => read(things).get('a') })
    const shop = openThingApp([one], { store: { ...inner, readModel: { ...inner.readModel, get } } })
    const answering = shop.get('/one')
    await reached.promise
    const position = await shop.say('a', 'set', looks('apple'))
    await untilProcessed(await shop.app[spec].start(), Number(position))
    gate.resolve()
    const { headers } = await answering
    expect(Number(headers.get('event-position'))).toBeLessThan(Number(position))
    expect((await shop.get('/one')).body).toMatchObject({ key: 'a' })
    expect((await shop.get('/one', atPosition(position))).body).toMatchObject({ key: 'a' })
  })
})
