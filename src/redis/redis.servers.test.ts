// The contract on Debian's Redis, and what Redis alone can do wrong.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { cacheContract, entryAt } from '../cache/contract.ts'
import { type MemoryCache, memoryCache } from '../cache/memory.ts'
import { tiered } from '../cache/tiered.ts'
import { type RedisServer, startRedis } from '../testing/servers/redis.ts'
import { until } from '../testing/servers/until.ts'
import { type RedisCache, redisCache } from './index.ts'

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

async function connected(
  prefix: string,
  options: { readonly now?: () => number; readonly url?: string } = {},
): Promise<RedisCache> {
  // On a busy machine 50 ms may pass without any fault.
  const cache = await redisCache({ url: server.url, prefix, deadlineMs: 2_000, ...options })
  await until('the link is up', () => cache.status.link === 'up')
  return cache
}

/** Deletes the keys of a kind and a name, whatever run they belong to. */
async function deleted(prefix: string, kind: string, name: string): Promise<void> {
  const keys = (await client.keys(`{${prefix}}:*:${kind}:*`)).filter(key => key.endsWith(`:${kind}:${name}`))
  if (keys.length) await client.del(keys)
}

async function made(prefix: string, wrap: (cache: RedisCache) => ReturnType<typeof tiered>) {
  let ahead = 0
  const now = () => Date.now() + ahead
  const [one, two] = [await connected(prefix, { now }), await connected(prefix, { now })]
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
    evict: (key: string) => deleted(prefix, 'entry', key),
    forget: (tag: string) => deleted(prefix, 'tag', tag),
    close: async () => {
      await Promise.all([one.close(), two.close()])
    },
  }
}

cacheContract('Redis', () => made(freshPrefix(), cache => cache))

cacheContract('memory before Redis', async () => {
  const near: MemoryCache[] = []
  let now = Date.now
  const at = await made(freshPrefix(), cache => {
    near.push(memoryCache({ now: () => now(), bytesMax: 98_400 }))
    return tiered([near.at(-1)!, cache])
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

describe('the smoke', () => {
  test('entries', async () => {
    const cache = await connected(freshPrefix())
    expect(await cache.set('k', entryAt(1, Date.now()), async () => 1)).toBe('stored')
    await cache.close()
  })
})
