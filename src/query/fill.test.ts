import { describe, expect, test } from 'bun:test'
import type { Cache, Entry } from '../ports/cache/cache.ts'
import { type Built, type Filling, type FillingOptions, createFilling, type Policy, type AnswerSource } from './fill.ts'
import { memoryCache } from '../ports/cache/memory.ts'
import { tierCaches } from './tiered.ts'

const POLICY: Policy = { ttlMs: 1_000, staleMs: 500, negativeTtlMs: 100, jitter: 0 }

/** A projection at a position, whose reads a test lets go on one by one. */
function startFilling(over: Partial<FillingOptions> = {}) {
  const at = { now: 1_000_000, position: 5, body: '"five"', builds: 0, running: 0, runningMost: 0 }
  const now = () => at.now
  const cache = memoryCache({ now })
  const gates: (() => void)[] = []
  let isGated = false
  const read = async (): Promise<Built> => {
    at.builds++
    at.runningMost = Math.max(at.runningMost, ++at.running)
    const built = { body: at.body, etag: `"${at.position}"`, position: at.position, tags: ['a'] }
    if (isGated) await new Promise<void>(resolve => gates.push(resolve))
    at.running--
    return built
  }
  const source: AnswerSource = { build: read, currentPosition: async () => at.position }
  const options: FillingOptions = { now, random: () => 0.5, sleep: () => Bun.sleep(0), ...over }
  const fill = createFilling(cache, options)
  const answer = (atLeast = 0, policy = POLICY, by: Filling = fill) => by.answer('k', policy, atLeast, source)
  const change = async (position: number, body: string) => {
    Object.assign(at, { position, body })
    await cache.raise(['a'], position)
  }
  const gate = (on: boolean) => {
    isGated = on
    if (!on) for (const go of gates.splice(0)) go()
  }
  return { at, cache, fill, source, options, answer, change, gate, gates }
}

const closeTo = (ms: number): number => expect.closeTo(ms, 3)

/** Lets all that can go on without a gate do so. */
const settleAll = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await Promise.resolve()
}

describe('an answer', () => {
  test('an answer is built once and then a hit, with its age', async () => {
    const { at, answer } = startFilling()
    expect(await answer()).toMatchObject({ body: '"five"', position: 5, cache: 'miss', ageMs: 0 })
    at.now += 999
    expect(await answer()).toMatchObject({ body: '"five"', cache: 'hit', ageMs: 999 })
    expect(at.builds).toBe(1)
  })

  test('an answer is given stale while one build in the background replaces it', async () => {
    const { at, answer, fill } = startFilling()
    await answer()
    at.now += 1_000
    Object.assign(at, { position: 6, body: '"six"' })
    expect(await Promise.all([answer(), answer(), answer()])).toMatchObject(Array(3).fill({ body: '"five"', cache: 'stale' }))
    await fill.waitUntilIdle()
    expect(at.builds).toBe(2)
    expect(await answer()).toMatchObject({ body: '"six"', cache: 'hit', ageMs: 0 })
  })

  test('an answer is built anew once its time to be stale is over, or it was raised', async () => {
    const { at, answer, change } = startFilling()
    await answer()
    at.now += 1_500
    expect(await answer()).toMatchObject({ cache: 'miss' })
    await change(6, '"six"')
    expect(await answer()).toMatchObject({ body: '"six"', cache: 'miss' })
    expect(at.builds).toBe(3)
  })

  test.each([
    [0, 900, 450, 90],
    [0.5, 1_000, 500, 100],
    [1, 1_100, 550, 110],
  ])(
    'an answer is kept for up to a tenth shorter or longer where its policy does not say, here by %d',
    async (random, fresh, stale, negative) => {
      const { at, source, options, cache } = startFilling()
      const fill = createFilling(cache, { ...options, random: () => random })
      const { jitter, ...policy } = POLICY
      const { freshUntil } = await fill.answer('k', policy, 0, source)
      expect([freshUntil - at.now, (await cache.get('k', 0))!.staleUntil - freshUntil]).toEqual([fresh, stale].map(closeTo))
      at.body = 'null'
      expect((await fill.answer('n', policy, 0, source)).freshUntil - at.now).toEqual(closeTo(negative))
    },
  )

  test('an answer that lacks something says so to all who wait for it, and is not kept', async () => {
    const { at, fill, source, gate, gates } = startFilling()
    const incomplete: AnswerSource = {
      ...source,
      build: async atLeast => ({ ...(await source.build(atLeast)), incomplete: { parked: 6, frozen: null } }),
    }
    gate(true)
    const both = [1, 2].map(() => fill.answer('k', POLICY, 0, incomplete))
    await settleAll()
    expect(gates).toHaveLength(1)
    gate(false)
    expect(await Promise.all(both)).toMatchObject(Array(2).fill({ cache: 'miss', incomplete: { parked: 6, frozen: null } }))
    expect(await fill.answer('k', POLICY, 0, source)).toMatchObject({ cache: 'miss', incomplete: null })
    expect(await fill.answer('k', POLICY, 0, incomplete)).toMatchObject({ cache: 'hit', incomplete: null })
    expect(at.builds).toBe(2)
  })

  test('an answer that is negative is kept for its own time, and is never stale', async () => {
    const { at, answer } = startFilling()
    at.body = 'null'
    await answer()
    at.now += 99
    expect(await answer()).toMatchObject({ body: 'null', cache: 'hit' })
    at.now += 1
    expect(await answer()).toMatchObject({ cache: 'miss' })
  })

  test.each([
    [0, 900],
    [0.5, 1_000],
    [0.999_999, 1_099.999_8],
  ])('an answer is kept a tenth longer or shorter: %p gives %p ms', async (random, ttlMs) => {
    const { at, answer } = startFilling({ random: () => random })
    const { freshUntil } = await answer(0, { ...POLICY, jitter: 0.1 })
    expect(freshUntil - at.now).toBeCloseTo(ttlMs, 3)
  })

  test('an answer that fails is an error for all who waited, and the next caller tries again', async () => {
    const { at, answer, fill, source } = startFilling()
    const broken: AnswerSource = { ...source, build: () => Promise.reject(new Error('no rows')) }
    const outcomes = await Promise.allSettled([1, 2].map(() => fill.answer('k', POLICY, 0, broken)))
    expect(outcomes).toMatchObject(Array(2).fill({ status: 'rejected', reason: new Error('no rows') }))
    expect(await answer()).toMatchObject({ cache: 'miss' })
    expect(at.builds).toBe(1)
  })

  test('an answer that fails in the background is reported, and the old one goes on being given', async () => {
    const reported: unknown[] = []
    const { at, answer, fill, source } = startFilling({ report: error => reported.push(error) })
    await answer()
    at.now += 1_000
    const broken: AnswerSource = { ...source, build: () => Promise.reject(new Error('no rows')) }
    expect(await fill.answer('k', POLICY, 0, broken)).toMatchObject({ cache: 'stale' })
    await fill.waitUntilIdle()
    expect(reported).toMatchObject([{ code: 'refresh-failed', fields: { answer: 'k' }, cause: new Error('no rows') }])
    expect(await answer()).toMatchObject({ cache: 'stale' })
  })

  test('an answer below the position asked for breaks an assumption, and throws', async () => {
    const { answer } = startFilling()
    await expect(answer(6)).rejects.toThrow('at or above 6')
  })
})

describe('callers at once', () => {
  test('concurrent callers share one build', async () => {
    const { at, answer, gate } = startFilling()
    gate(true)
    const waiting = Array.from({ length: 50 }, () => answer())
    await settleAll()
    gate(false)
    expect(new Set((await Promise.all(waiting)).map(({ body }) => body))).toEqual(new Set(['"five"']))
    expect(at.builds).toBe(1)
  })

  test('concurrent callers get no shared answer that is older than their token', async () => {
    const { at, answer, gate } = startFilling()
    gate(true)
    const early = answer()
    await settleAll()
    Object.assign(at, { position: 6, body: '"six"' })
    const late = [answer(6), answer(6)]
    await settleAll()
    gate(false)
    expect(await early).toMatchObject({ body: '"five"' })
    expect(await Promise.all(late)).toMatchObject([{ body: '"six"' }, { body: '"six"' }])
    expect(at.builds).toBe(2)
  })

  test('concurrent callers get no shared answer that was read before they came and raised before they came', async () => {
    const { at, answer, change, gate } = startFilling()
    gate(true)
    const early = answer()
    await settleAll()
    await change(6, '"six"')
    const late = Array.from({ length: 20 }, () => answer())
    await settleAll()
    gate(false)
    expect(await early).toMatchObject({ body: '"five"' })
    expect(new Set((await Promise.all(late)).map(({ body }) => body))).toEqual(new Set(['"six"']))
    expect(at.builds).toBe(2)
  })

  test('concurrent callers get no shared answer that was stored before it was raised, and before they came', async () => {
    const { cache, options, answer, change } = startFilling()
    const reply = Promise.withResolvers<void>()
    // The cache has taken it, and says so late.
    const late: Cache = { ...cache, set: async (...entry) => [await cache.set(...entry), await reply.promise][0]! }
    const fill = createFilling(late, options)
    const early = answer(0, POLICY, fill)
    await settleAll()
    await change(6, '"six"')
    const joined = answer(0, POLICY, fill)
    await settleAll()
    reply.resolve()
    expect(await early).toMatchObject({ body: '"five"' })
    expect(await joined).toMatchObject({ body: '"six"' })
  })

  test('concurrent callers build one at a time, and seldom, where nothing can be stored', async () => {
    const { at, cache, options, answer } = startFilling()
    const useless: Cache = { ...cache, get: async () => null, set: async () => 'failed' }
    const fill = createFilling(useless, options)
    const waiting: Promise<unknown>[] = []
    for (let i = 0; i < 30; i++) {
      waiting.push(answer(0, POLICY, fill))
      await Promise.resolve()
    }
    await Promise.all(waiting)
    expect(at.runningMost).toBe(1)
    expect(at.builds).toBeLessThanOrEqual(6)
  })

  test('concurrent callers come to an end while a tag is raised with every build', async () => {
    const { at, cache, options, source } = startFilling()
    const raising: AnswerSource = {
      ...source,
      build: async () => {
        const built = await source.build(0)
        await cache.raise(['a'], ++at.position)
        return built
      },
    }
    const fill = createFilling(cache, options)
    const answers = await Promise.all(Array.from({ length: 30 }, () => fill.answer('k', POLICY, 0, raising)))
    expect(answers).toHaveLength(30)
    expect(at.builds).toBeLessThanOrEqual(3)
  })
})

describe('two processes', () => {
  /** Each with a memory of its own, over a shared cache. */
  const openTwo = () => {
    const shared = startFilling()
    const nearest = [memoryCache({ now: shared.options.now! }), memoryCache({ now: shared.options.now! })]
    const fills = nearest.map(one => createFilling(tierCaches([one, shared.cache]), shared.options))
    return { ...shared, one: fills[0]!, other: fills[1]! }
  }

  test('two processes build a key once: the other one waits for it', async () => {
    const { at, answer, one, other } = openTwo()
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => answer(0, POLICY, i % 2 ? one : other)))
    expect(new Set(answers.map(({ body }) => body))).toEqual(new Set(['"five"']))
    expect(at.builds).toBe(1)
  })

  test('two processes refresh a stale key once', async () => {
    const { at, answer, one, other } = openTwo()
    await answer(0, POLICY, one)
    at.now += 1_000
    await Promise.all([answer(0, POLICY, one), answer(0, POLICY, other)])
    await Promise.all([one.waitUntilIdle(), other.waitUntilIdle()])
    expect(at.builds).toBe(2)
  })

  test('two processes build both where the one that claimed the key is gone', async () => {
    const { at, cache, answer, other } = openTwo()
    const slept: number[] = []
    const fill = createFilling(cache, { now: () => at.now, claimMs: 100, sleep: async ms => void slept.push(ms) })
    await cache.claim('k', 1_000_000)
    expect(await answer(0, POLICY, fill)).toMatchObject({ cache: 'miss' })
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeLessThan(200)
    expect(slept.length).toBeGreaterThan(2)
    expect(await answer(0, POLICY, other)).toMatchObject({ cache: 'hit' } satisfies Partial<{ cache: string } & Entry>)
  })
})
