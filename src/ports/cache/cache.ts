// The port to caches. A cached answer has a position: that of the read models before its rows were read. Invalidation
// raises a watermark per tag and deletes nothing. An answer is stored, and given, only while its position is at or
// above the watermarks of all its tags. A missing watermark is a miss. So a delayed old value never replaces a newer
// one, and never comes back after an eviction.

/** A cached answer. */
export type Entry = {
  /** JSON text. `null` is a negative answer; it is cached for a shorter time. */
  readonly body: string
  readonly etag: string
  /** The position of the read models before the rows were read. The body may be newer, never older. */
  readonly position: number
  /** The tags of the answer: at least one, at most `TAGS_MAX`. */
  readonly tags: readonly string[]
  /** When the answer was made, in ms since 1970. */
  readonly builtAt: number
  /** The answer is fresh until then, in ms since 1970. */
  readonly freshUntil: number
  /** The stale answer may be given until then, while it is made anew; in ms since 1970. At or after `freshUntil`. */
  readonly staleUntil: number
}

/**
 * The result of a write. `stored`: the answer was stored, and no raise that was acknowledged before the write began was
 * above it. `refused`: it is older than a watermark or than the stored answer. `failed`: the result is not known (no
 * connection, no room, no current position).
 */
export type Stored = 'stored' | 'refused' | 'failed'

/** Ends a claim before its time is over. */
export type Release = () => Promise<void>

export interface Cache {
  /**
   * Gives the answer under a key, if it is at or above `atLeast` and the watermarks of its tags, and before its
   * `staleUntil`. Never rejects.
   */
  get(key: string, atLeast: number): Promise<Entry | null>
  /** Does the same without waiting, for a cache that has its answers in this process. Default: null for every key. */
  getSync?(key: string, atLeast: number): Entry | null
  /**
   * Stores an answer. Never rejects.
   *
   * `current` reads a position at or above every commit so far. It gives a tag without a watermark its first one. It is
   * called only if the cache knows no bound for the tag. If it rejects, the answer is not stored.
   */
  set(key: string, entry: Entry, current: () => Promise<number>): Promise<Stored>
  /**
   * From now on, an answer with one of these tags is given only if it is at or above the position. Call it after the
   * commit, and before you announce the commit to readers without a token. A cache that misses a raise gives nothing
   * until it has received the raise. Never rejects.
   *
   * A process may end between its commit and its raise. So each answer also has a tag for each projection that it was
   * read from. A process that takes over a projection raises that tag, to the position at which it takes over.
   */
  raise(tags: readonly string[], position: number): Promise<void>
  /**
   * Claims a key across processes: the one caller that gets the claim makes the answer anew. Null for the others. The
   * claim ends by itself after `ttlMs`.
   */
  claim(key: string, ttlMs: number): Promise<Release | null>
  close(): Promise<void>
}

/** The most tags of a cached answer. An answer with more is not cached. */
export const TAGS_MAX = 256
