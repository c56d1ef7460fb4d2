// The nearest tier: this process. Entries are bounded in bytes, watermarks in number.
import { LRUCache } from 'lru-cache'
import { type Cache, type Entry, TAGS_MAX } from './cache.ts'

export type MemoryCacheOptions = {
  /** The most memory of all entries, in bytes. Default: 64 MiB. */
  readonly bytesMax?: number
  /** How many tags have a watermark of their own. Default: 100,000. */
  readonly watermarksMax?: number
  /** In ms since 1970. Default: the machine's. */
  readonly now?: () => number
}

export type MemoryCache = Cache & {
  /**
   * From now on, all answers below the position are misses. Call it after raises may have been missed, with the current
   * position of the read models: whenever the feed of raises from other processes begins, and again when it was cut.
   */
  floor(position: number): void
  readonly bytes: number
}

/**
 * Makes a cache in memory. It is gone with the process.
 *
 * A tag without a watermark has the floor as its watermark. When a watermark is dropped, the floor rises to it. So a
 * dropped watermark can only refuse too much, never too little.
 */
export function memoryCache(options: MemoryCacheOptions = {}): MemoryCache {
  const { bytesMax = 64 * MIB, watermarksMax = 100_000, now = Date.now } = options
  const entries = new LRUCache<string, Entry>({ maxSize: bytesMax, sizeCalculation: bytes })
  const watermarks = new Map<string, number>()
  const claims = new LRUCache<string, { readonly until: number }>({ max: CLAIMS_MAX })
  let floor = 0

  const isCurrent = ({ position, tags }: Entry) => position >= floor && tags.every(tag => position >= (watermarks.get(tag) ?? 0))

  function raise(tag: string, position: number): void {
    const known = watermarks.get(tag)
    if (position <= Math.max(floor, known ?? 0)) return
    // Deleted first, so that the map is in the order of raises. Then the first entries of the map are about the lowest.
    watermarks.delete(tag)
    watermarks.set(tag, position)
    if (watermarks.size <= watermarksMax) return
    const [oldest, level] = watermarks.entries().next().value!
    watermarks.delete(oldest)
    floor = Math.max(floor, level)
  }

  function getSync(key: string, atLeast: number): Entry | null {
    const entry = entries.get(key)
    if (!entry) return null
    if (now() < entry.staleUntil && isCurrent(entry)) return entry.position >= atLeast ? entry : null
    entries.delete(key)
    return null
  }

  return {
    get bytes() {
      return entries.calculatedSize
    },
    getSync,
    get: async (key, atLeast) => getSync(key, atLeast),
    set: async (key, entry) => {
      if (entry.tags.length > TAGS_MAX) return 'failed'
      const known = entries.peek(key)
      if (!isCurrent(entry) || (known && known.position > entry.position)) return 'refused'
      entries.set(key, entry)
      return entries.has(key) ? 'stored' : 'failed'
    },
    raise: async (tags, position) => {
      for (const tag of tags) raise(tag, position)
    },
    claim: async (key, ttlMs) => {
      const known = claims.get(key)
      if (known && now() < known.until) return null
      const claim = { until: now() + ttlMs }
      claims.set(key, claim)
      return async () => {
        if (claims.get(key) === claim) claims.delete(key)
      }
    },
    floor: position => {
      floor = Math.max(floor, position)
    },
    close: async () => {
      entries.clear()
      claims.clear()
    },
  }
}

/** The approximate memory of an entry: two bytes a character, and the objects around them. */
function bytes({ body, etag, tags }: Entry, key: string): number {
  return 2 * (key.length + body.length + etag.length + tags.reduce((sum, tag) => sum + tag.length, 0)) + ENTRY_BYTES
}

const MIB = 1_048_576
const ENTRY_BYTES = 256
/** A dropped claim costs one more build, and nothing else. */
const CLAIMS_MAX = 10_000
