// What every cache promises, as cases that run on any of them. A cache keeps its promises when all of them pass.
import { expect } from 'bun:test'
import { type ContractCase, contract } from '../testing/contract.ts'
import type { Cache, Entry, Stored } from './cache.ts'

/** A cache as a case is given it. */
export type Made = {
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

export type Case = ContractCase<Made>

/** Tests a cache: each case gets one of its own. */
export function cacheContract(name: string, make: () => Promise<Made>): void {
  contract(`${name} keeps the contract: it`, cacheCases, make)
}

/** An entry that is fresh for a minute from `at`, and may be given for another. */
export function entryAt(position: number, at: number, more: Partial<Entry> = {}): Entry {
  const times = { builtAt: at, freshUntil: at + 60_000, staleUntil: at + 120_000 }
  return { body: `{"at":${position}}`, etag: `"${position}"`, position, tags: ['a'], ...times, ...more }
}

const put = ({ cache, now }: Made, position: number, more: Partial<Entry> = {}, head = position): Promise<Stored> =>
  cache.set('k', entryAt(position, now(), more), async () => head)

export const cacheCases: readonly Case[] = [
  {
    title: 'begins empty',
    run: async ({ cache }) => {
      expect(await cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives back what it took, to every process',
    run: async made => {
      const entry = entryAt(5, made.now(), {
        body: '{"x":"ü\\n 😀","y":[1.5e300,null]}\n',
        etag: 'W/"1,2"',
        tags: ['a', 'b c,d', 'ü😀'],
      })
      expect(await made.cache.set('k', entry, async () => 5)).toBe('stored')
      expect(await made.cache.get('k', 0)).toEqual(entry)
      expect(await made.other.get('k', 0)).toEqual(entry)
      expect(await made.cache.get('another', 0)).toBeNull()
    },
  },
  {
    title: 'keeps a negative answer, one without a tag, and one of an empty list',
    run: async made => {
      const { cache, now } = made
      for (const [key, body, tags] of [
        ['n', 'null', ['a']],
        ['t', '{}', []],
        ['l', '[]', ['a']],
      ] as const) {
        expect(await cache.set(key, entryAt(3, now(), { body, tags }), async () => 3)).toBe('stored')
        expect((await cache.get(key, 0))?.body).toBe(body)
      }
    },
  },
  {
    title: 'compares positions up to 2^53 - 1 exactly',
    run: async made => {
      const last = Number.MAX_SAFE_INTEGER
      expect(await put(made, last - 1, {}, last - 1)).toBe('stored')
      expect((await made.cache.get('k', last - 1))?.position).toBe(last - 1)
      expect(await made.cache.get('k', last)).toBeNull()
      await made.cache.raise(['a'], last)
      expect(await made.cache.get('k', 0)).toBeNull()
      expect(await put(made, last - 1, {}, last)).toBe('refused')
      expect(await put(made, last, {}, last)).toBe('stored')
    },
  },
  {
    title: 'gives nothing that is older than the token',
    run: async made => {
      await put(made, 5)
      expect((await made.cache.get('k', 5))?.position).toBe(5)
      expect(await made.cache.get('k', 6)).toBeNull()
      expect((await made.cache.get('k', 4))?.position).toBe(5)
    },
  },
  {
    title: 'gives nothing after its time',
    run: async made => {
      await put(made, 5, { freshUntil: made.now() + 100, staleUntil: made.now() + 200 })
      expect(await made.cache.get('k', 0)).not.toBeNull()
      await made.advance(201)
      expect(await made.cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives nothing that is older than what one of its tags was raised to, in any process',
    run: async made => {
      const { cache, other } = made
      await put(made, 5, { tags: ['a', 'b'] })
      await other.raise(['c'], 9)
      expect(await cache.get('k', 0)).not.toBeNull()
      await other.raise(['x', 'b', 'y'], 6)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await other.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives what is at the position that its tag was raised to',
    run: async made => {
      await put(made, 6)
      await made.cache.raise(['a'], 6)
      expect((await made.cache.get('k', 0))?.position).toBe(6)
    },
  },
  {
    title: 'refuses what comes after a raise and is older, whether there was something before or not',
    run: async made => {
      await put(made, 5)
      await made.cache.raise(['a', 'never seen'], 10)
      expect(await put(made, 9, {}, 10)).toBe('refused')
      expect(await put(made, 9, { tags: ['never seen'] }, 10)).toBe('refused')
      expect(await made.cache.get('k', 0)).toBeNull()
      expect(await put(made, 10)).toBe('stored')
    },
  },
  {
    title: 'never puts an older value over a newer one, and takes one of the same position',
    run: async made => {
      // Its tag is at 5, so that it is the value itself that is newer.
      await put(made, 5)
      expect(await put(made, 8, { body: '"new"' })).toBe('stored')
      expect(await put(made, 7, { body: '"old"' }, 8)).toBe('refused')
      expect((await made.cache.get('k', 0))?.body).toBe('"new"')
      expect(await put(made, 8, { body: '"same"' })).toBe('stored')
      expect((await made.cache.get('k', 0))?.body).toBe('"same"')
    },
  },
  {
    title: 'never lowers a watermark',
    run: async made => {
      await put(made, 5)
      await made.cache.raise(['a'], 10)
      await made.cache.raise(['a'], 6)
      expect(await put(made, 9, {}, 10)).toBe('refused')
    },
  },
  {
    title: 'refuses a delayed value after its key was evicted',
    run: async made => {
      await put(made, 5)
      await made.evict('k')
      expect(await made.cache.get('k', 0)).toBeNull()
      await put(made, 5)
      await made.cache.raise(['a'], 10)
      await made.evict('k')
      expect(await put(made, 9, {}, 10)).toBe('refused')
      expect(await made.cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'gives nothing and refuses a delayed value after a watermark was evicted',
    run: async made => {
      await put(made, 5)
      await made.cache.raise(['a'], 10)
      await made.forget('a')
      expect(await made.cache.get('k', 0)).toBeNull()
      expect(await put(made, 5, {}, 10)).toBe('refused')
      await made.cache.raise(['a'], 6)
      expect(await put(made, 9, {}, 10)).toBe('refused')
      await made.forget('a')
      await made.cache.raise(['a'], 7)
      expect(await put(made, 9, {}, 10)).toBe('refused')
      expect(await made.cache.get('k', 0)).toBeNull()
      expect(await put(made, 10)).toBe('stored')
      expect(await made.cache.get('k', 0)).not.toBeNull()
    },
  },
  {
    title: 'does not lose a raise that comes while a watermark is begun',
    run: async made => {
      const { cache, other, now } = made
      let hasAsked = false
      await cache.set('k', entryAt(10, now()), async () => {
        hasAsked = true
        await other.raise(['a'], 12)
        return 10
      })
      // A cache that knows a bound for every tag has not asked, and took it before there was anything to refuse it.
      if (!hasAsked) await other.raise(['a'], 12)
      expect(await cache.get('k', 0)).toBeNull()
      expect(await put(made, 11, {}, 12)).toBe('refused')
    },
  },
  {
    title: 'takes nothing where it has to know the current position and cannot',
    run: async made => {
      await made.forget('a')
      const stored = await made.cache.set('k', entryAt(5, made.now()), () => Promise.reject(new Error('no database')))
      expect(stored === 'failed' ? await made.cache.get('k', 0) : null).toBeNull()
    },
  },
  {
    title: 'takes nothing with more than 256 tags, and harms nothing by it',
    run: async made => {
      const many = (count: number) => Array.from({ length: count }, (_, i) => `tag-${i}`)
      expect(await put(made, 5, { tags: many(257) })).toBe('failed')
      expect(await made.cache.get('k', 0)).toBeNull()
      expect(await put(made, 5, { tags: many(256) })).toBe('stored')
      await made.cache.raise(many(2_000), 6)
      expect(await made.cache.get('k', 0)).toBeNull()
    },
  },
  {
    title: 'lets one caller of many claim a key, until it is released or its time is over',
    run: async made => {
      const { cache, other } = made
      const claims = await Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? cache : other).claim('k', 1_000)))
      const [release, ...more] = claims.filter(claim => claim !== null)
      expect(more).toEqual([])
      expect(await other.claim('another', 1_000)).not.toBeNull()
      await release!()
      const second = await other.claim('k', 200)
      expect(second).not.toBeNull()
      expect(await cache.claim('k', 1_000)).toBeNull()
      await made.advance(201)
      expect(await cache.claim('k', 1_000)).not.toBeNull()
      // Whose time was over ends nobody else's.
      await second!()
      expect(await other.claim('k', 1_000)).toBeNull()
    },
  },
]
