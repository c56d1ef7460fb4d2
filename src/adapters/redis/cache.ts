// The tier that processes share.
//
// The promise: after an acknowledged raise over a working connection, all processes know it at once. A raise that could
// not be sent is remembered: this process gives nothing from Redis until Redis is back and has received it, before all
// else. Until then, other processes that still reach Redis may give the old answer, no longer than its `staleUntil`,
// and never below a caller's token. Their nearer tiers refuse it once they have received the change.
// If this process ends before it could send the raise, nobody else will send it. So a process that takes over a
// projection raises the tag of all its answers, to the position at which it takes over.
// Redis may lose any data at any time: a missing entry is a miss. After a restart or a failover no earlier entry is
// read again, because the last raises may not have been saved. There must be one server at a time: not two primaries
// after a split.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import { type Cache, type Entry, type Release, type Stored, TAGS_MAX } from '../../ports/cache/cache.ts'
import { parseEntry, writeEntry } from './entry.ts'
import type { ConnectionCounts } from './connection-counts.ts'
import { RedisConnection } from './connection.ts'
import { ioredis } from './packages.ts'
import type { Scripts } from './scripts.ts'

export type RedisCacheOptions = {
  /** `redis://` or, with TLS, `rediss://`. */
  readonly url: string
  /** The prefix of all keys: it names the log, for example by its id and epoch. */
  readonly prefix: string
  /** The deadline of a command, in ms. After it, a read is a miss. Default: 50. */
  readonly deadlineMs?: number
  /** In ms since 1970. Default: the machine's. */
  readonly now?: () => number
  /**
   * Called for each failed attempt to connect, and each time the connection goes down. Default: nothing; `status` shows
   * the connection.
   */
  readonly report?: (error: unknown) => void
}

const OPTIONS: OptionKinds<keyof RedisCacheOptions> = {
  url: 'text',
  prefix: 'text',
  deadlineMs: 'number?',
  now: 'function?',
  report: 'function?',
}

export type RedisStatus = ConnectionCounts & {
  readonly link: 'up' | 'down'
  /** Raises that Redis has not received yet. */
  readonly pending: number
}

export type RedisCache = Cache & { readonly status: RedisStatus }

/**
 * Makes a cache in Redis (tested on 7.0 with one server; its user needs EVAL, INFO and PING).
 *
 * Resolves at once, whether Redis is up or not. Without Redis everything is a miss; the cache uses Redis as soon as it
 * is up. Rejects if the package `ioredis` is not installed.
 *
 * @example
 * const cache = tiered([memoryCache(), await redisCache({ url: 'redis://localhost', prefix: `${log.id}.${log.epoch}` })])
 */
export async function redisCache(options: RedisCacheOptions, scripts?: Scripts): Promise<RedisCache> {
  checkOptions('redisCache', options, OPTIONS)
  const { url, prefix, deadlineMs = 50, now = Date.now, report = () => {} } = options
  const pending = new Map<string, number>()
  const connection = new RedisConnection(await ioredis(), {
    url,
    deadlineMs,
    report,
    catchUp: () => flush(),
    onUp: () => void flush().catch(error => connection.goDown(error)),
    ...(scripts && { scripts }),
  })

  const isUsable = () => connection.isUp && pending.size === 0
  const named = (kind: 'entry' | 'tag' | 'claim', name: string) => `{${prefix}}:${connection.run}:${kind}:${name}`

  function remember(tags: readonly string[], position: number): void {
    for (const tag of tags) pending.set(tag, Math.max(position, pending.get(tag) ?? 0))
    if (pending.size <= PENDING_MAX) return
    let highest = 0
    for (const level of pending.values()) highest = Math.max(highest, level)
    pending.clear()
    pending.set(EVERY, highest)
  }

  /**
   * Sends Redis the raises that it missed. Later raises go with the next flush, or directly once the connection is up.
   */
  async function flush(): Promise<void> {
    const raises = [...pending]
    for (let i = 0; i < raises.length; i += RAISES_MAX) await sendRaises(raises.slice(i, i + RAISES_MAX))
  }

  async function sendRaises(raises: readonly (readonly [string, number])[]): Promise<void> {
    await connection.send(
      'raise',
      raises.map(([tag]) => named('tag', tag)),
      raises.map(([, position]) => `${position}`),
    )
    for (const [tag, position] of raises) if (pending.get(tag) === position) pending.delete(tag)
  }

  async function raise(tags: readonly string[], position: number): Promise<void> {
    if (!connection.isUp) return remember(tags, position)
    const chunks = Array.from({ length: Math.ceil(tags.length / RAISES_MAX) }, (_, i) =>
      tags.slice(i * RAISES_MAX, (i + 1) * RAISES_MAX),
    )
    const call = (chunk: readonly string[]) =>
      connection.call(
        'raise',
        chunk.map(tag => named('tag', tag)),
        chunk.map(() => `${position}`),
      )
    try {
      await Promise.all(chunks.map(call))
    } catch (error) {
      remember(tags, position)
      connection.goDown(error)
    }
  }

  async function set(key: string, entry: Entry, current: () => Promise<number>): Promise<Stored> {
    const ttlMs = Math.ceil(entry.staleUntil - now())
    if (!isUsable() || entry.tags.length > TAGS_MAX || ttlMs <= 0) return 'failed'
    const run = connection.run
    const keys = [named('entry', key), ...[EVERY, ...entry.tags].map(tag => named('tag', tag))]
    const values = [`${entry.position}`, writeEntry(entry), `${ttlMs}`, `${WATERMARK_MS + 2 * ttlMs}`, Bun.randomUUIDv7()]
    const first = await connection.call('set', keys, [...values, ''])
    if (!Array.isArray(first)) return first as Stored // The other answers of set.lua.
    const position = await current()
    if (connection.run !== run) return 'failed'
    const second = await connection.call('set', keys, [...values, `${position}`, ...first.map(String)])
    return Array.isArray(second) ? 'failed' : (second as Stored) // As above.
  }

  async function claim(key: string, ttlMs: number): Promise<Release | null> {
    const keys = [named('claim', key)]
    const owner = Bun.randomUUIDv7()
    if ((await connection.call('claim', keys, [owner, `${Math.ceil(ttlMs)}`])) !== 'OK') return null
    return async () => {
      await connection.call('release', keys, [owner]).catch(() => {})
    }
  }

  return {
    get status(): RedisStatus {
      return { link: connection.isUp ? 'up' : 'down', pending: pending.size, ...connection.counts }
    },
    get: async (key, atLeast) => {
      if (!isUsable()) return null
      const value = await connection.call('get', [named('entry', key)], [named('tag', ''), `${atLeast}`]).catch(() => null)
      const entry = parseEntry(value)
      return entry && isUsable() && now() < entry.staleUntil ? entry : null
    },
    set: (key, entry, current) => set(key, entry, current).catch(() => 'failed'),
    raise,
    // Without a working connection, each process builds for itself.
    claim: (key, ttlMs) => claim(key, ttlMs).catch(() => unclaimed),
    close: () => connection.close(),
  }
}

/** The tag of every entry. It is raised when there are too many other tags to remember. */
const EVERY = ''
const PENDING_MAX = 10_000
/** The most watermarks that one script raises: Redis does nothing else during a script. */
const RAISES_MAX = 500
/** A watermark lives for twice the time of its youngest entry, and for this long in addition, in ms. */
const WATERMARK_MS = 3_600_000
const unclaimed = async (): Promise<void> => {}
