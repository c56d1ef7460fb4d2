// The contract on Debian's Redis, and what Redis alone can do wrong.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Redis } from 'ioredis'
import type { Cache } from '../../ports/cache/cache.ts'
import { cacheCases, cacheContract } from '../../ports/cache/contract/index.ts'
import { entryAt } from '../../ports/cache/contract/builders.ts'
import { createFilling, type Policy } from '../../query/fill.ts'
import { type MemoryCache, memoryCache } from '../../ports/cache/memory.ts'
import { tierCaches } from '../../query/tiered.ts'
import { freshness, type ModelledCaches } from '../../test-support/cache-model.ts'
import { type RedisServer, startRedis } from '../../test-support/servers/redis.ts'
import { until } from '../../test-support/servers/until.ts'
import { type RedisCache, redisCache } from './cache.ts'
import { SCRIPTS, type ScriptName, type Scripts } from './scripts.ts'

const POLICY: Policy = { ttlMs: 60_000, staleMs: 60_000, negativeTtlMs: 60_000 }

let server: RedisServer
let client: Redis
beforeAll(async () => {
  server = await startRedis()
  client = new Redis(server.url, { protocol: 2 })
})
afterAll(async () => {
  client.disconnect()
  await server.stop()
})

let prefixes = 0
const freshPrefix = () => `test-${++prefixes}`

async function connectCache(prefix: string, { now = Date.now } = {}, scripts?: Scripts): Promise<RedisCache> {
  // On a busy machine 50 ms may pass without any fault.
  const cache = await redisCache({ url: server.url, prefix, deadlineMs: 2_000, now }, scripts)
  await until('the link is up', () => cache.status.link === 'up')
  return cache
}

/** Deletes the keys of a kind and a name, whatever run they belong to. */
async function deleteKey(prefix: string, kind: string, name: string): Promise<void> {
  const keys = (await client.keys(`{${prefix}}:*:${kind}:*`)).filter(key => key.endsWith(`:${kind}:${name}`))
  if (keys.length) await client.del(keys)
}

async function openCaches(prefix: string, wrap: (cache: RedisCache) => Cache, scripts?: Scripts) {
  let ahead = 0
  const now = () => Date.now() + ahead
  const [one, two] = [await connectCache(prefix, { now }, scripts), await connectCache(prefix, { now }, scripts)]
  return {
    cache: wrap(one),
    other: wrap(two),
    now,
    // Redis has its own time: what shall have ended is asked for until it has.
    advance: async (ms: number) => {
      ahead += ms
      const claims = await client.keys(`{${prefix}}:*:claim:*`)
      for (const claim of claims) if ((await client.pttl(claim)) <= ms) await client.del(claim)
    },
    evict: (key: string) => deleteKey(prefix, 'entry', key),
    forget: (tag: string) => deleteKey(prefix, 'tag', tag),
    close: async () => {
      await Promise.all([one.close(), two.close()])
    },
  }
}

cacheContract('Redis', () => openCaches(freshPrefix(), cache => cache))

cacheContract('memory before Redis', async () => {
  const near: MemoryCache[] = []
  let now = Date.now
  const at = await openCaches(freshPrefix(), cache => {
    near.push(memoryCache({ now: () => now(), bytesMax: 98_400 }))
    return tierCaches([near.at(-1)!, cache])
  })
  now = at.now
  // Raises reach the memory of another process by a feed.
  const feed = async (tags: readonly string[], position: number) => {
    await Promise.all([at.cache.raise(tags, position), at.other.raise(tags, position)])
  }
  const evict = async (key: string) => {
    const large = entryAt(Number.MAX_SAFE_INTEGER, now(), { body: 'x'.repeat(49_000), tags: [] })
    for (const cache of near) await cache.set('large', large, async () => 0)
    await at.evict(key)
  }
  return { ...at, cache: { ...at.cache, raise: feed }, other: { ...at.other, raise: feed }, evict }
})

describe('freshness of answers from Redis', () => {
  const make = (scripts?: Scripts) => async (): Promise<ModelledCaches> => {
    const prefix = freshPrefix()
    const caches = [await connectCache(prefix, { now }, scripts), await connectCache(prefix, { now }, scripts)]
    return {
      caches,
      feeds: [],
      evict: key => deleteKey(prefix, 'entry', key),
      forget: tag => deleteKey(prefix, 'tag', tag),
      close: async () => {
        for (const cache of caches) await cache.close()
      },
    }
  }
  const now = Date.now

  test('a reader of a Redis that evicts gets no less than its token and what was raised before it asked', async () => {
    await fc.assert(freshness(make()), { numRuns: 60 })
  })

  test('the model finds a Redis that takes a missing watermark for none', async () => {
    const scripts = plantBug(
      'get',
      "not mark or not string.match(mark, '^%d+$') or tonumber(mark)",
      'mark and tonumber(mark or 0)',
    )
    const { failed, errorInstance } = await fc.check(freshness(make(scripts)), {
      numRuns: 1_000,
      endOnFailure: true,
    })
    expect(failed && String((errorInstance as Error).message)).toContain('after a raise')
  })
})

/** Our scripts with a bug in one. */
function plantBug(name: ScriptName, sound: string, bug: string): Scripts {
  const text = SCRIPTS[name].replace(sound, bug)
  expect(text).not.toBe(SCRIPTS[name])
  return { ...SCRIPTS, [name]: text }
}

describe('planted bugs in scripts', () => {
  const runCase = async (title: string, scripts: Scripts): Promise<string | null> => {
    const at = await openCaches(freshPrefix(), cache => cache, scripts)
    const { run } = cacheCases.find(one => one.title === title)!
    const failure = await run(at).then(() => null, String)
    await at.close()
    return failure
  }
  const begun = 'does not lose a raise that comes while a watermark is begun'
  const evicted = 'gives nothing and refuses a delayed value after a watermark was evicted'

  test.each([
    ['do not write a raise down where a watermark is begun', begun, 'raise', "nonce .. ' ' .. ARGV[i]", "nonce .. ' 0'"],
    [
      'begin a watermark with any raise',
      evicted,
      'raise',
      'if mark then',
      "if not mark then redis.call('set', key, ARGV[i]) else",
    ],
    [
      'forget what was there',
      'never puts an older value over a newer one, and takes one of the same position',
      'set',
      'head.position > position',
      'false',
    ],
    ['lower watermarks', 'never lowers a watermark', 'raise', 'known < tonumber(ARGV[i])', 'known'],
    [
      'round positions',
      'compares positions up to 2^53 - 1 exactly',
      'set',
      'level = tonumber(raised) > tonumber(ARGV[6]) and raised or ARGV[6]',
      'level = tostring(math.max(raised, ARGV[6]))',
    ],
  ] as const)('the contract catches scripts that %s', async (_, title, name, sound, bug) => {
    expect(await runCase(title, SCRIPTS)).toBeNull()
    expect(await runCase(title, plantBug(name, sound, bug))).not.toBeNull()
  })

  test('the contract catches scripts that do not tell one beginning of a watermark from another', async () => {
    // While it is begun it is evicted, raised, and begun again by another: the raise is written down nowhere.
    const loseRaise = async (scripts?: Scripts) => {
      const prefix = freshPrefix()
      const [one, other] = [await connectCache(prefix, {}, scripts), await connectCache(prefix, {}, scripts)]
      const stored = await one.set('k', entryAt(10, Date.now()), async () => {
        await deleteKey(prefix, 'tag', 'a')
        await other.raise(['a'], 12)
        await other.set('another', entryAt(10, Date.now()), () => Promise.reject(new Error('no database')))
        return 10
      })
      const found = await one.get('k', 0)
      await Promise.all([one.close(), other.close()])
      return { stored, found: found?.position }
    }
    expect(await loseRaise()).toEqual({ stored: 'failed', found: undefined })
    expect(await loseRaise(plantBug('set', 'nonce == ARGV[5 + i]', 'true'))).toEqual({ stored: 'stored', found: 10 })
  })
})

describe('caches in Redis', () => {
  test('caches of different prefixes in Redis know nothing of each other', async () => {
    const [one, other] = [await connectCache(freshPrefix()), await connectCache(freshPrefix())]
    await one.set('k', entryAt(5, Date.now()), async () => 5)
    await other.raise(['a'], 9)
    expect(await other.get('k', 0)).toBeNull()
    expect(await one.get('k', 0)).not.toBeNull()
    await Promise.all([one.close(), other.close()])
  })

  test('all keys in Redis end by themselves, watermarks after what depends on them', async () => {
    const prefix = freshPrefix()
    const cache = await connectCache(prefix)
    await cache.set('k', entryAt(5, Date.now()), async () => 5)
    await cache.raise(['a'], 6)
    const ttl = async (kind: string) => Promise.all((await client.keys(`{${prefix}}:*:${kind}:*`)).map(key => client.pttl(key)))
    const [entry] = await ttl('entry')
    const marks = await ttl('tag')
    expect(entry).toBeGreaterThan(0)
    expect(entry).toBeLessThanOrEqual(120_000)
    expect(marks).toHaveLength(2)
    expect(Math.min(...marks)).toBeGreaterThan(2 * 120_000)
    await cache.close()
  })

  test('scripts that Redis has flushed are sent again', async () => {
    const cache = await connectCache(freshPrefix())
    await cache.set('k', entryAt(5, Date.now()), async () => 5)
    await client.script('FLUSH')
    expect(await cache.get('k', 0)).not.toBeNull()
    await client.script('FLUSH')
    await cache.raise(['a'], 6)
    expect(await cache.get('k', 0)).toBeNull()
    expect(cache.status).toMatchObject({ link: 'up', falls: 0 })
    await cache.close()
  })

  const damages: readonly (readonly [string, (key: string) => Promise<unknown>])[] = [
    ['a list', key => client.multi().del(key).lpush(key, 'x').exec()],
    ['a hash', key => client.multi().del(key).hset(key, 'a', '1').exec()],
    ['nothing', key => client.set(key, '')],
    ['garbage', key => client.set(key, '\u0000\n{]')],
    ['half an entry', async key => client.set(key, ((await client.getrange(key, 0, -1)) ?? '').slice(0, -3))],
    ['a header of another shape', key => client.set(key, '{"position":9,"tags":7}\n{}')],
    ['a header with half of its fields', key => client.set(key, '{"position":9,"tags":["a"],"length":2}\n{}')],
    ['a header that is nested too deep', key => client.set(key, `${'['.repeat(5_000)}\n{}`)],
    ['a number below zero', key => client.set(key, '-5')],
    ['half of a beginning', key => client.set(key, '~nonce')],
  ]
  test.each(damages)('%s under a key in Redis is a miss, and replaced', async (_, damage) => {
    const prefix = freshPrefix()
    const cache = await connectCache(prefix)
    for (const kind of ['entry', 'tag']) {
      await cache.set('k', entryAt(9, Date.now(), { tags: ['k'] }), async () => 9)
      expect(await cache.get('k', 0)).not.toBeNull()
      const [key] = (await client.keys(`{${prefix}}:*:${kind}:k`)) as [string] // It was just written.
      await damage(key)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await cache.set('k', entryAt(9, Date.now(), { tags: ['k'] }), async () => 9)).toBe('stored')
      expect((await cache.get('k', 0))?.position).toBe(9)
      await damage(key)
      await cache.raise(['k'], 12)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await cache.set('k', entryAt(11, Date.now(), { tags: ['k'] }), async () => 12)).toBe('refused')
      await client.del(await client.keys(`{${prefix}}:*`))
    }
    expect(cache.status).toMatchObject({ link: 'up', falls: 0 })
    await cache.close()
  })

  test('a claim of another type in Redis belongs to somebody else', async () => {
    const prefix = freshPrefix()
    const cache = await connectCache(prefix)
    const release = await cache.claim('k', 10_000)
    const [key] = (await client.keys(`{${prefix}}:*:claim:k`)) as [string] // It was just written.
    await client.del(key)
    await client.lpush(key, 'x')
    await release!()
    expect(await cache.claim('k', 1_000)).toBeNull()
    expect(cache.status).toMatchObject({ link: 'up', falls: 0 })
    await cache.close()
  })

  test('two processes with one Redis build a key once for each time it is raised, however many ask', async () => {
    expect(await builtBy(cache => cache)).toMatchObject({ builds: 10, most: 1 })
  })

  test('two processes with one Redis show the planted bug: everybody takes the claim, so that a key is built twice at once', async () => {
    expect((await builtBy(cache => ({ ...cache, claim: async () => async () => {} }))).most).toBeGreaterThan(1)
  })
})

/** Has two processes asked for a key that is raised again and again: how often it was built, and by how many at once at most. */
async function builtBy(seen: (cache: Cache) => Cache): Promise<{ readonly builds: number; readonly most: number }> {
  const prefix = freshPrefix()
  const caches = [await connectCache(prefix), await connectCache(prefix)]
  const fills = caches.map(cache => createFilling(seen(cache)))
  const at = { position: 1, builds: 0, running: 0, most: 0 }
  const build = async () => {
    at.most = Math.max(at.most, ++at.running)
    at.builds++
    const { position } = at
    await Bun.sleep(1)
    at.running--
    return { body: `${position}`, etag: '', position, tags: ['a'] }
  }
  const ask = (i: number) => fills[i % 2]!.answer('k', POLICY, 0, { build, currentPosition: async () => at.position })
  for (let round = 1; round <= 10; round++) {
    const answers = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i)))
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set([`${round}`]))
    at.position++
    await caches[round % 2]!.raise(['a'], at.position)
  }
  await Promise.all(caches.map(cache => cache.close()))
  return at
}
