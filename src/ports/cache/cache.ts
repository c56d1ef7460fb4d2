// The port to caches. A cached answer belongs to a position: that of the read models before its rows were read. Invalidation raises a
// watermark per tag and deletes nothing. An answer is taken, and given, only while it is at or above the watermarks of all its tags,
// and a watermark that is missing is a miss. So a delayed old value never replaces a newer one, nor follows an eviction.

/** A cached answer. */
export type Entry = {
  /** JSON text. A negative answer, `null`, is an answer like any other, kept for a shorter time. */
  readonly body: string
  readonly etag: string
  /** Where the read models were before the rows were read: the body may be newer, never older. */
  readonly position: number
  /** What it was made of. Not empty, and at most `TAGS_MAX`. */
  readonly tags: readonly string[]
  /** When it was made, in ms since 1970. */
  readonly builtAt: number
  /** Until then it is as good as new, in ms since 1970. */
  readonly freshUntil: number
  /** Until then it may be given while it is made anew; at or after `freshUntil`. */
  readonly staleUntil: number
}

/**
 * What became of a write. `stored`: taken, and no raise that was acknowledged before the write began was above it. `refused`: it is
 * older than a watermark or than what is there. `failed`: nothing is known (no connection, no room, no current position).
 */
export type Stored = 'stored' | 'refused' | 'failed'

/** Ends a claim before its time is over. */
export type Release = () => Promise<void>

export interface Cache {
  /** The answer under a key, if it is at or above `atLeast` and the watermarks of its tags, and before its `staleUntil`. Never rejects. */
  get(key: string, atLeast: number): Promise<Entry | null>
  /** The same of what is at hand, without waiting. A cache that has to be asked has none at hand. Default: nothing is. */
  getSync?(key: string, atLeast: number): Entry | null
  /**
   * Takes an answer. Never rejects.
   *
   * `current` reads, when it is called, a position at or above every commit so far. It begins the watermark of a tag that has none, and is
   * called only where the cache does not know any bound for it. Where it rejects the answer is not taken.
   */
  set(key: string, entry: Entry, current: () => Promise<number>): Promise<Stored>
  /**
   * From now on no answer with one of these tags is given that is below the position. Call it after the commit, and before the commit is
   * told to anyone who shall see it without a token. A cache that cannot be reached gives nothing until it has been told. Never rejects.
   *
   * A process may end between its commit and its raise. So each answer also carries a tag for each projection that it was read from, and who
   * takes over a projection raises that one, to the position at which it takes over.
   */
  raise(tags: readonly string[], position: number): Promise<void>
  /** For one caller across processes: who gets it makes the answer anew. Null for the others. It ends by itself after `ttlMs`. */
  claim(key: string, ttlMs: number): Promise<Release | null>
  close(): Promise<void>
}

/** Beyond so many tags an answer is not cached. */
export const TAGS_MAX = 256
