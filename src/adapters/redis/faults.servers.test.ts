// Redis is killed, stopped, cut off, restarted, full and read-only: answers stay right, and a Redis that is away costs nothing.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { Redis } from 'ioredis'
import { entryAt } from '../../ports/cache/contract/builders.ts'
import { type Filling, createFilling, type Policy } from '../../query/fill.ts'
import { type FaultProxy, startProxy } from '../../test-support/servers/proxy.ts'
import { type RedisServer, startRedis } from '../../test-support/servers/redis.ts'
import { until } from '../../test-support/servers/until.ts'
import { type RedisCache, redisCache } from './cache.ts'
import { RedisConnection } from './connection.ts'

const POLICY: Policy = { ttlMs: 60_000, staleMs: 60_000, negativeTtlMs: 60_000 }

/** Deadlines in ms: one that a busy machine never misses, and one for a process whose Redis does not answer in a test. */
const UNHURRIED_MS = 60_000
const SHORT_MS = 150

let server: RedisServer
beforeAll(async () => {
  server = await startRedis({ settings: { 'maxmemory-policy': 'noeviction' } })
})
afterAll(() => server.stop())

let prefixes = 0

/** Two processes, each with its deadline and through a proxy of its own. */
async function openTwoCaches(
  deadlinesMs: readonly [number, number] = [UNHURRIED_MS, UNHURRIED_MS],
): Promise<{ one: RedisCache; other: RedisCache; proxy: FaultProxy; end: () => Promise<void> }> {
  const prefix = `faults-${++prefixes}`
  const proxies = [
    startProxy({ host: '127.0.0.1', port: server.port }),
    startProxy({ host: '127.0.0.1', port: server.port }),
  ] as const
  const [one, other] = (await Promise.all(
    proxies.map((proxy, i) => redisCache({ url: proxy.url(server.url), prefix, deadlineMs: deadlinesMs[i]! })),
  )) as [RedisCache, RedisCache] // As many as proxies.
  await untilUp(one)
  await untilUp(other)
  const end = async () => {
    await Promise.all([one.close(), other.close()])
    for (const proxy of proxies) proxy.stop()
  }
  return { one, other, proxy: proxies[0], end }
}

const untilUp = (cache: RedisCache) => until('the link is up', () => cache.status.link === 'up')
const untilDown = (cache: RedisCache) => until('the link is down', () => cache.status.link === 'down')

/** Puts an entry, again where a busy machine was too slow for it. */
async function put(cache: RedisCache, position: number, key = 'k', tags: readonly string[] = ['a']): Promise<void> {
  const entry = () => entryAt(position, Date.now(), { tags })
  await until('it is stored', async () => (await cache.set(key, entry(), async () => position)) === 'stored')
  await until('it is there', async () => (await cache.get(key, 0)) !== null)
}

describe('Redis with faults', () => {
  test('a Redis that is killed is a miss and is sent nothing, until it is back', async () => {
    const { one, end } = await openTwoCaches()
    await put(one, 5)
    await server.kill()
    await untilDown(one)
    const { sent } = one.status
    for (let i = 0; i < 1_000; i++) {
      expect(await one.get('k', 0)).toBeNull()
      expect(await one.set('k', entryAt(5, Date.now()), async () => 5)).toBe('failed')
      expect(await one.claim('k', 1_000)).not.toBeNull()
    }
    expect(one.status.sent).toBe(sent)
    await server.restart()
    await untilUp(one)
    await put(one, 5)
    await end()
  })

  test('a Redis that is not there when the process starts is used once it is', async () => {
    await server.kill()
    const cache = await redisCache({ url: server.url, prefix: 'late' })
    expect(await cache.get('k', 0)).toBeNull()
    await cache.raise(['a'], 5)
    expect(cache.status).toMatchObject({ link: 'down', pending: 1 })
    await server.restart()
    await untilUp(cache)
    await until('Redis was told', () => cache.status.pending === 0)
    await put(cache, 6)
    await cache.close()
  })

  test('a Redis that is stopped costs a few callers the deadline and the others nothing, until it goes on', async () => {
    const { one, other, end } = await openTwoCaches([SHORT_MS, SHORT_MS])
    await put(one, 5)
    await server.kill('SIGSTOP')
    const { sent } = one.status
    for (let i = 0; i < 1_000; i++) expect(await one.get('k', 0)).toBeNull()
    expect(one.status.link).toBe('down')
    expect(one.status.sent - sent).toBe(3)
    await other.raise(['a'], 6)
    expect(other.status).toMatchObject({ link: 'down', pending: 1 })
    expect(await other.get('k', 0)).toBeNull()
    await server.kill('SIGCONT')
    await untilUp(one)
    await untilUp(other)
    expect(other.status.pending).toBe(0)
    expect(await one.get('k', 0)).toBeNull()
    await put(one, 6)
    await end()
  })

  test('a Redis that is stopped shows the planted bug: a link that never falls costs every caller the deadline', async () => {
    const { goDown } = RedisConnection.prototype
    RedisConnection.prototype.goDown = () => {}
    try {
      const { one, end } = await openTwoCaches([SHORT_MS, SHORT_MS])
      await put(one, 5)
      await server.kill('SIGSTOP')
      const { sent } = one.status
      for (let i = 0; i < 10; i++) expect(await one.get('k', 0)).toBeNull()
      expect(one.status).toMatchObject({ link: 'up', sent: sent + 10 })
      await server.kill('SIGCONT')
      await end()
    } finally {
      RedisConnection.prototype.goDown = goDown
    }
  })

  test('a Redis that is stopped for long gets the missed raises before anything is read from it, on a connection of its own', async () => {
    const { one, proxy, end } = await openTwoCaches([SHORT_MS, SHORT_MS])
    await put(one, 5)
    await server.kill('SIGSTOP')
    await one.raise(['a'], 6)
    await until('it has tried new connections', () => one.status.knocks > 5)
    await server.kill('SIGCONT')
    await untilUp(one)
    expect(await one.get('k', 0)).toBeNull()
    expect(proxy.connections).toBe(1)
    await end()
  })

  test('a Redis that one process cannot reach gets the raises of that process as soon as it can', async () => {
    const { one, other, proxy, end } = await openTwoCaches([SHORT_MS, UNHURRIED_MS])
    await put(one, 5)
    proxy.swallow(true)
    await one.raise(['a', 'b'], 6)
    await one.raise(['a'], 7)
    expect(one.status).toMatchObject({ link: 'down', pending: 2 })
    // The other has not heard of it, and may give what was valid before; not below a token.
    expect(await other.get('k', 7)).toBeNull()
    expect((await other.get('k', 0))?.position).toBe(5)
    proxy.reset()
    proxy.swallow(false)
    await untilUp(one)
    expect(await other.get('k', 0)).toBeNull()
    expect(await other.set('k', entryAt(6, Date.now()), async () => 7)).toBe('refused')
    await end()
  })

  test('a Redis that missed many raises gives nothing until it has all of them', async () => {
    const { one, other, proxy, end } = await openTwoCaches([SHORT_MS, UNHURRIED_MS])
    await put(one, 5, 'k', ['last'])
    proxy.swallow(true)
    await one.raise(['first'], 6)
    proxy.reset()
    proxy.swallow(false)
    // While it is told of the first, there come so many that they take it several scripts, and each answer takes its time.
    const many = [...Array.from({ length: 5_000 }, (_, i) => `tag ${i}`), 'last']
    let isRaiseSent = false
    proxy.onClientData(bytes => {
      if (!isRaiseSent && Buffer.from(bytes).includes(':tag:first')) {
        isRaiseSent = true
        void one.raise(many, 7)
        proxy.delay(10, 'toClient')
      }
      return 'forward'
    })
    await untilUp(one)
    expect(one.status.pending).toBeGreaterThan(0)
    expect((await other.get('k', 0))?.position).toBe(5)
    expect(await one.get('k', 0)).toBeNull()
    expect(await one.set('k', entryAt(9, Date.now()), async () => 9)).toBe('failed')
    await until('Redis was told', () => one.status.pending === 0)
    expect(await other.get('k', 0)).toBeNull()
    await end()
  })

  test('a Redis that answers too late is a miss, until it is fast again', async () => {
    const { one, proxy, end } = await openTwoCaches([SHORT_MS, UNHURRIED_MS])
    await put(one, 5)
    proxy.delay(2 * SHORT_MS)
    await until('the link is down', async () => (await one.get('k', 0)) === null && one.status.link === 'down')
    proxy.delay(0)
    await untilUp(one)
    await put(one, 6)
    await end()
  })

  test('a Redis that is silently lost on one connection is found again on another', async () => {
    const { one, proxy, end } = await openTwoCaches([SHORT_MS, UNHURRIED_MS])
    await put(one, 5)
    proxy.onClientData((_, connection) => (connection === 1 ? 'drop' : 'forward'))
    await one.raise(['a'], 6)
    expect(one.status).toMatchObject({ link: 'down', pending: 1 })
    await untilUp(one)
    expect(await one.get('k', 0)).toBeNull()
    await put(one, 6)
    await end()
  })

  test('a Redis that missed more raises than are remembered gives nothing from before', async () => {
    const { one, other, proxy, end } = await openTwoCaches([SHORT_MS, UNHURRIED_MS])
    await put(one, 5, 'k', ['another tag'])
    proxy.swallow(true)
    await one.raise(
      Array.from({ length: 10_001 }, (_, i) => `tag ${i}`),
      9,
    )
    await one.raise(['more'], 10)
    expect(one.status).toMatchObject({ link: 'down', pending: 2 })
    proxy.reset()
    proxy.swallow(false)
    await untilUp(one)
    expect(await other.get('k', 0)).toBeNull()
    expect(await other.set('k', entryAt(8, Date.now(), { tags: ['another tag'] }), async () => 10)).toBe('refused')
    await put(other, 10, 'k', ['another tag'])
    await end()
  })

  test('a Redis that comes back with data from before the last raises gives nothing of it', async () => {
    const saving = await startRedis({ settings: { save: '3600 1000000' } })
    const cache = await redisCache({ url: saving.url, prefix: 'saved' })
    const client = new Redis(saving.url, { protocol: 2 })
    client.on('error', () => {})
    await untilUp(cache)
    await put(cache, 5)
    await client.save()
    await cache.raise(['a'], 6)
    await saving.kill()
    await untilDown(cache)
    await saving.restart()
    await untilUp(cache)
    await until('the client is back', async () => (await client.keys('*').catch(() => [])).length > 0)
    expect(await client.keys('{saved}:*:entry:k')).toHaveLength(1)
    expect(await cache.get('k', 0)).toBeNull()
    expect(await cache.set('k', entryAt(5, Date.now()), async () => 6)).toBe('refused')
    client.disconnect()
    await cache.close()
    await saving.stop()
  })

  test('a Redis that is full takes nothing, gives what it has, and forgets what is raised', async () => {
    const { one, other, end } = await openTwoCaches()
    const client = new Redis(server.url, { protocol: 2 })
    await put(one, 5)
    // Less than what it uses already, so it is full to the last byte.
    await client.config('SET', 'maxmemory', '1')
    expect(await one.set('new', entryAt(5, Date.now(), { tags: ['new'] }), async () => 5)).toBe('failed')
    expect((await other.get('k', 0))?.position).toBe(5)
    await one.raise(['a'], 6)
    expect(await other.get('k', 0)).toBeNull()
    expect(await one.set('k', entryAt(6, Date.now()), async () => 6)).toBe('failed')
    expect(one.status).toMatchObject({ link: 'up', pending: 0 })
    await client.config('SET', 'maxmemory', '0')
    await put(one, 6)
    client.disconnect()
    await end()
  })

  test('a Redis that takes no writes gives nothing to a process that could not raise, until the raise is written', async () => {
    const { one, other, end } = await openTwoCaches()
    const client = new Redis(server.url, { protocol: 2 })
    await put(one, 5)
    // Of a server that is not there, so nothing is copied.
    await client.replicaof('127.0.0.1', 1)
    await one.raise(['a'], 6)
    expect(one.status).toMatchObject({ link: 'down', pending: 1 })
    expect(await one.get('k', 0)).toBeNull()
    await client.replicaof('NO', 'ONE')
    await untilUp(one)
    expect(await other.get('k', 0)).toBeNull()
    client.disconnect()
    await end()
  })

  test('a Redis that is restarted in use never gives too old an answer, and no process builds a key twice at once', async () => {
    expect(await stampede(6, cache => createFilling(cache))).toBe(1)
  })

  test('a Redis that is restarted shows the planted bug: nobody joins a running build, so that a key is built again and again', async () => {
    const buildAlone = (cache: RedisCache): Filling => ({
      answer: (...asked) => createFilling(cache).answer(...asked),
      getFresh: () => null,
      waitUntilIdle: async () => {},
    })
    expect(await stampede(1, buildAlone)).toBeGreaterThan(1)
  })
})

/** Asks two processes for few keys while Redis is restarted so often; how often one of them built a key at the same time at most. */
async function stampede(restarts: number, fillingOf: (cache: RedisCache) => Filling): Promise<number> {
  const { one, other, end } = await openTwoCaches()
  const caches = [one, other]
  const fills = caches.map(fillingOf)
  const at = { position: 1, acknowledged: 0, answers: 0, hits: 0, isOver: false }
  const running = caches.map(() => new Map<string, number>())
  const most = { builds: 0 }

  const ask = async (by: number, key: string): Promise<void> => {
    const [token, acknowledged] = [at.position, at.acknowledged]
    const atLeast = at.answers % 3 ? 0 : token
    const build = async () => {
      const now = (running[by]!.get(key) ?? 0) + 1
      running[by]!.set(key, now)
      most.builds = Math.max(most.builds, now)
      const { position } = at
      await Bun.sleep(1)
      running[by]!.set(key, running[by]!.get(key)! - 1)
      return { body: `${position}`, etag: '', position, tags: ['a'] }
    }
    const answer = await fills[by]!.answer(key, POLICY, atLeast, { build, currentPosition: async () => at.position })
    at.answers++
    if (answer.cache === 'hit') at.hits++
    expect(Number(answer.body)).toBeGreaterThanOrEqual(Math.max(atLeast, acknowledged))
  }
  const write = async (): Promise<void> => {
    const position = ++at.position
    await Promise.all([one, other].map(cache => cache.raise(['a'], position)))
    at.acknowledged = Math.max(at.acknowledged, position)
  }
  const askUntilOver = async (i: number): Promise<void> => {
    for (let n = 0; !at.isOver; n++) {
      await ask(i % 2, `k${n % 3}`)
      if (i === 0 && n % 20 === 0) await write()
      await Bun.sleep(0)
    }
  }
  const all = Promise.all(Array.from({ length: 12 }, (_, i) => askUntilOver(i)))
  for (let round = 0; round < restarts; round++) {
    await server.kill()
    const { answers } = at
    await until('it is used while Redis is away', () => at.answers > answers + 200)
    await server.restart()
    await Promise.all(caches.map(untilUp))
    const { hits } = at
    await until('it is used again', () => at.hits > hits + 200)
  }
  at.isOver = true
  await all
  for (const { status } of caches) expect(status.falls).toBeGreaterThanOrEqual(restarts)
  await end()
  return most.builds
}
