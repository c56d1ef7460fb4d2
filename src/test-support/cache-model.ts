// A database, and processes that write, read and cache at once, every step as late as chance has it: gets, sets, raises, reads of rows and
// of the current position, in any order, with entries and watermarks evicted between them. What is checked is what a reader sees.
import { expect } from 'bun:test'
import fc from 'fast-check'
import type { Cache } from '../ports/cache/cache.ts'
import { createFilling, type Policy } from '../query/fill.ts'

export type ModelledCaches = {
  /** The cache of each process. */
  readonly caches: readonly Cache[]
  /** Delivers the raises of other processes. None if a raise by one is a raise for all. */
  readonly feeds: readonly Cache['raise'][]
  readonly evict: (key: string) => Promise<void>
  readonly forget: (tag: string) => Promise<void>
  readonly close: () => Promise<void>
}

type Action =
  | { readonly does: 'write'; readonly process: number; readonly tags: readonly string[] }
  | { readonly does: 'read'; readonly process: number; readonly key: Key; readonly withToken: boolean; readonly stale: boolean }
  | { readonly does: 'evict'; readonly key: Key }
  | { readonly does: 'forget'; readonly tag: string }

/** Resolves when chance has it. */
type Later = (what: string) => Promise<void>
type Key = keyof typeof TAGS

/** The parts of each answer. */
const TAGS = { one: ['a'], two: ['b'], both: ['a', 'b'] } as const satisfies Record<string, readonly string[]>
const KEYS = Object.keys(TAGS) as readonly Key[] // Its own keys.
const PROCESSES = 2

const process = fc.nat({ max: PROCESSES - 1 })
const key = fc.constantFrom(...KEYS)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('write'), process, tags: fc.constantFrom(['a'], ['b'], ['a', 'b']) }) },
  { weight: 8, arbitrary: fc.record({ does: fc.constant('read'), process, key, withToken: fc.boolean(), stale: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('evict'), key }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constant('forget'), tag: fc.constantFrom('a', 'b') }) },
)

/**
 * No reader ever gets an answer that lacks a change at or below his own token, or a change whose raise was acknowledged in his process
 * before he asked; and everybody gets one.
 */
export function freshness(make: () => Promise<ModelledCaches>): fc.IAsyncProperty<[fc.Scheduler, Action[][]]> {
  const client = fc.array(action, { minLength: 1, maxLength: 12, size: 'max' })
  const clients = fc.array(client, { minLength: 1, maxLength: 4, size: 'max' })
  return fc.asyncProperty(fc.scheduler(), clients, async (scheduler, scripts) => {
    const modelled = await make()
    try {
      await scheduler.waitFor(playActions(modelled, scripts, what => scheduler.schedule(Promise.resolve(), what)))
    } finally {
      await modelled.close()
    }
  })
}

/** Each client does one thing after the other, all of them at once. */
async function playActions(modelled: ModelledCaches, clients: readonly (readonly Action[])[], later: Later): Promise<void> {
  const { caches, feeds, evict, forget } = modelled
  const database = new Database()
  const delayed = caches.map(cache => slowCache(cache, later))
  const fills = delayed.map(cache => createFilling(cache, { now: () => NOW, random: () => 0.5, sleep: () => later('sleep') }))
  const tokens = caches.map(() => 0)
  /** By process: the highest position to which a tag was raised, as far as the process was told. */
  const acknowledged = caches.map(() => new Map<string, number>())

  async function write(by: number, tags: readonly string[]): Promise<void> {
    const position = database.write(tags)
    tokens[by] = position
    const acknowledge = (at: number) => {
      for (const tag of tags) acknowledged[at]!.set(tag, Math.max(position, acknowledged[at]!.get(tag) ?? 0))
    }
    const tell = async (at: number, feed: Cache['raise']) => {
      await later('feed')
      await feed(tags, position)
      acknowledge(at)
    }
    const raise = async () => {
      await delayed[by]!.raise(tags, position)
      for (const at of caches.keys()) if (at === by || feeds.length === 0) acknowledge(at)
    }
    await Promise.all([raise(), ...feeds.map((feed, at) => (at === by ? undefined : tell(at, feed)))])
  }

  async function read(by: number, wanted: Key, withToken: boolean, isStale: boolean): Promise<void> {
    const atLeast = withToken ? tokens[by]! : 0
    const acknowledgedBefore = new Map(acknowledged[by])
    const build = async () => {
      const position = database.position
      await later('rows')
      const body = JSON.stringify(TAGS[wanted].map(tag => database.lastChange(tag)))
      await later('rows')
      return { body, etag: '', position, tags: TAGS[wanted] }
    }
    const current = async () => {
      await later('current')
      const { position } = database
      await later('current')
      return position
    }
    const answer = await fills[by]!.answer(wanted, isStale ? STALE : FRESH, atLeast, { build, currentPosition: current })
    const seen = JSON.parse(answer.body) as readonly number[] // As built.
    for (const [i, tag] of TAGS[wanted].entries()) {
      expect(seen[i]!, `${tag} in ${wanted}, after a raise`).toBeGreaterThanOrEqual(acknowledgedBefore.get(tag) ?? 0)
      expect(seen[i]!, `${tag} in ${wanted}, with a token`).toBeGreaterThanOrEqual(database.lastChange(tag, atLeast))
    }
  }

  const play = async (one: Action): Promise<void> => {
    await later(one.does)
    if (one.does === 'write') return write(one.process, one.tags)
    if (one.does === 'read') return read(one.process, one.key, one.withToken, one.stale)
    return one.does === 'evict' ? evict(one.key) : forget(one.tag)
  }
  const playAll = async (actions: readonly Action[]): Promise<void> => {
    for (const one of actions) await play(one)
  }
  await Promise.all(clients.map(playAll))
  await Promise.all(fills.map(fill => fill.waitUntilIdle()))
}

/** The positions at which each tag was changed. */
class Database {
  position = 0
  readonly #changes = new Map<string, number[]>()

  write(tags: readonly string[]): number {
    this.position++
    for (const tag of tags) this.#changes.set(tag, [...(this.#changes.get(tag) ?? []), this.position])
    return this.position
  }

  /** At or below a position, or at all; 0 for none. */
  lastChange(tag: string, upTo: number = this.position): number {
    return this.#changes.get(tag)?.findLast(position => position <= upTo) ?? 0
  }
}

/** Requests and answers are under way for as long as chance has it, and overtake each other. */
function slowCache(cache: Cache, later: Later): Cache {
  const callSlowly = async <T>(what: string, call: () => Promise<T>): Promise<T> => {
    await later(what)
    const answer = await call()
    await later(`${what} answered`)
    return answer
  }
  return {
    get: (key, atLeast) => callSlowly('get', () => cache.get(key, atLeast)),
    set: (key, entry, current) => callSlowly('set', () => cache.set(key, entry, current)),
    raise: (tags, position) => callSlowly('raise', () => cache.raise(tags, position)),
    claim: (key, ttlMs) => callSlowly('claim', () => cache.claim(key, ttlMs)),
    close: () => cache.close(),
  }
}

const NOW = Date.now()
const HOUR_MS = 3_600_000
const FRESH: Policy = { ttlMs: HOUR_MS, staleMs: HOUR_MS, negativeTtlMs: HOUR_MS }
const STALE: Policy = { ...FRESH, ttlMs: 0 }
