// What a reader is given by caches that are read, filled and raised at once.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { freshness, type ModelledCaches } from '../test-support/cache-model.ts'
import type { Cache, Entry } from '../ports/cache/cache.ts'
import { memoryCache } from '../ports/cache/memory.ts'
import { tierCaches } from './tiered.ts'

/** So small that entries and watermarks are evicted all the time. */
const small = (): Cache => memoryCache({ bytesMax: 800, watermarksMax: 1, now: () => 0 })

const modelOf = (caches: readonly Cache[], more: Partial<ModelledCaches> = {}): ModelledCaches => ({
  caches,
  feeds: [],
  evict: async () => {},
  forget: async () => {},
  close: async () => {},
  ...more,
})

/** A memory in each process before a shared one, which only the process that wrote raises: the others hear of it in their memory. */
function tiers(
  make: () => Cache,
  compose: (near: Cache, far: Cache) => Cache = (near, far) => tierCaches([near, far]),
): ModelledCaches {
  const [one, other, shared] = [make(), make(), make()]
  return modelOf([compose(one, shared), compose(other, shared)], { feeds: [one.raise, other.raise] })
}

/** A cache whose entries and watermarks a test can take away, with rules of its own. */
function plantCache(rules: {
  readonly levelOf: (levels: ReadonlyMap<string, number>, tag: string) => number
  readonly raiseDeletes?: boolean
}): ModelledCaches {
  const entries = new Map<string, Entry>()
  const levels = new Map<string, number>()
  const isCurrent = ({ position, tags }: Entry) => tags.every(tag => position >= rules.levelOf(levels, tag))
  const cache: Cache = {
    get: async (key, atLeast) => {
      const entry = entries.get(key)
      return entry && entry.position >= atLeast && isCurrent(entry) ? entry : null
    },
    set: async (key, entry) => {
      if (!isCurrent(entry) || (entries.get(key)?.position ?? 0) > entry.position) return 'refused'
      entries.set(key, entry)
      return 'stored'
    },
    raise: async (tags, position) => {
      if (!rules.raiseDeletes) for (const tag of tags) levels.set(tag, Math.max(position, levels.get(tag) ?? 0))
      else for (const [key, entry] of entries) if (entry.tags.some(tag => tags.includes(tag))) entries.delete(key)
    },
    claim: async () => async () => {},
    close: async () => {},
  }
  return modelOf([cache, cache], {
    evict: async key => void entries.delete(key),
    forget: async tag => void levels.delete(tag),
  })
}

/** A bug between two tiers is seen in one of a hundred runs. */
type Runs = { readonly runs: number; readonly tieredRuns: number }

export function testFreshness({ runs, tieredRuns }: Runs): void {
  describe('freshness of answers', () => {
    test('a reader of one memory gets no less than its token and what was raised before it asked', async () => {
      const make = async () => {
        const cache = small()
        return modelOf([cache, cache])
      }
      await fc.assert(freshness(make), { numRuns: runs })
    })

    test('a reader of a memory in each process before a shared one gets no less than its token and what was raised', async () => {
      const make = async () => tiers(small)
      await fc.assert(freshness(make), { numRuns: tieredRuns })
    })

    test('a reader of a cache that evicts entries and no watermarks gets no less than its token and what was raised', async () => {
      const make = async () => ({ ...plantCache({ levelOf: (levels, tag) => levels.get(tag) ?? 0 }), forget: async () => {} })
      await fc.assert(freshness(make), { numRuns: runs })
    })
  })
}

export function testPlantedCaches(): void {
  describe('planted bugs in caches', () => {
    const findViolation = async (make: () => ModelledCaches): Promise<string> => {
      const { failed, errorInstance } = await fc.check(
        freshness(async () => make()),
        { numRuns: 10_000, endOnFailure: true },
      )
      return failed ? String((errorInstance as Error).message) : 'nothing'
    }

    test('the model finds a cache that deletes what was raised in place of a watermark', async () => {
      expect(await findViolation(() => plantCache({ levelOf: () => 0, raiseDeletes: true }))).toContain('after a raise')
    })

    test('the model finds a cache that takes a missing watermark for none', async () => {
      expect(await findViolation(() => plantCache({ levelOf: (levels, tag) => levels.get(tag) ?? 0 }))).toContain('after a raise')
    })

    test('the model finds a cache that ignores the token', async () => {
      const make = () => {
        const cache = memoryCache({ now: () => 0 })
        const deaf: Cache = { ...cache, get: key => cache.get(key, 0) }
        return modelOf([deaf, deaf])
      }
      expect(await findViolation(make)).toContain('with a token')
    })

    test('the model finds a cache that gives from a nearer tier what the farther one has, whatever raises the nearer has had', async () => {
      const tierNaively = (near: Cache, far: Cache): Cache => ({
        ...tierCaches([near, far]),
        get: async (key, atLeast) => (await near.get(key, atLeast)) ?? far.get(key, atLeast),
      })
      expect(await findViolation(() => tiers(() => memoryCache({ now: () => 0 }), tierNaively))).toContain('after a raise')
    })
  })
}
