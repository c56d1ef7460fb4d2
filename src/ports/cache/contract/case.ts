import type { ContractCase } from '../../../test-support/contract.ts'
import type { Cache } from '../cache.ts'

/** A cache as a case is given it. */
export type TestedCache = {
  /** Empty, and usable. */
  readonly cache: Cache
  /** Another process's, over the same entries; the same one where it is of one process only. */
  readonly other: Cache
  /** Its time, in ms since 1970. */
  readonly now: () => number
  /** Moves its time ahead: what ends by then has ended when it resolves. */
  readonly advance: (ms: number) => Promise<void> | void
  /** Forgets this entry, as a cache that is full does. */
  readonly evict: (key: string) => Promise<void>
  /** Forgets the watermark of this tag, as a cache that is full does. */
  readonly forget: (tag: string) => Promise<void>
  readonly close: () => Promise<void>
}

export type CacheCase = ContractCase<TestedCache>
