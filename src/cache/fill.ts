// Answers from a cache and fills it: one build for all who miss a key at once, here and in other processes, and an old answer while the
// new one is made. Nobody gets an answer below his own position, nor one that was read before a raise that he may know of.
import type { Cache, Entry } from './cache.ts'

/** How long an answer is kept. All in ms. */
export type Policy = {
  /** As good as new. */
  readonly ttlMs: number
  /** After that, how long it may be given while it is made anew. */
  readonly staleMs: number
  /** How long `null` is kept; it is never given stale. */
  readonly negativeTtlMs: number
  /** The times above are up to this share longer or shorter, so that what was built together does not end together. Default: 0.1. */
  readonly jitter?: number
}

/**
 * An answer as it is built. `position`: where the read models were before its rows were read. A body `null` is negative. One that is known to
 * lack something is given to those who wait for it, and not kept, as what is kept says nothing of that.
 */
export type Built = Pick<Entry, 'body' | 'etag' | 'position' | 'tags'> & { readonly lacking?: Lacking | null }

/**
 * What an answer may lack. `parked`: what happened from this position on, as rows have stopped there. `frozen`: what happened after this
 * one, as rows are no longer folded on. Null: nothing by that.
 */
export type Lacking = { readonly parked: number | null; readonly frozen: number | null }

export type Source = {
  /** Reads the answer, at or above the position: waits for the read models where it must, and rejects where it cannot. */
  build(atLeast: number): Promise<Built>
  /** Where the read models are now, read from the database: at or above every commit so far. */
  current(): Promise<number>
}

export type Answer = Built & {
  readonly cache: 'hit' | 'stale' | 'miss'
  readonly ageMs: number
  readonly freshUntil: number
}

/** An entry that is as good as new, and its age. */
export type Kept = { readonly entry: Entry; readonly ageMs: number }

export type FillingOptions = {
  /** In ms since 1970. Default: the machine's. */
  readonly now?: () => number
  /** At least 0, below 1. Default: Math.random. */
  readonly random?: () => number
  readonly sleep?: (ms: number) => Promise<void>
  /** How long another process may take to build before this one does so too. Default: 1,000. */
  readonly claimMs?: number
  /** What a rebuild in the background failed with. Default: nothing is said, the next who asks tries again. */
  readonly report?: (error: unknown) => void
}

export interface Filling {
  /**
   * Answers from the cache, or builds.
   *
   * 1. A hit is the answer. A stale one too, and one build in the background replaces it.
   * 2. On a miss one caller builds and the others wait for it; across processes too, for as long as `claimMs`.
   * 3. An answer below a caller's `atLeast`, or read before he came and raised meanwhile, is not given to him: he goes round again.
   *
   * Rejects with what `build` rejects with.
   */
  answer(key: string, policy: Policy, atLeast: number, source: Source): Promise<Answer>
  /** What `answer` would give at once as a hit, without waiting, for who asks for no position. */
  kept(key: string): Kept | null
  /** Resolves when nothing is built in the background any more. */
  idle(): Promise<void>
}

export function filling(cache: Cache, options: FillingOptions = {}): Filling {
  const { now = Date.now, random = Math.random, sleep = Bun.sleep, claimMs = 1_000, report = () => {} } = options
  const flights = new Map<string, Flight>()
  const background = new Set<Promise<void>>()

  async function answer(key: string, policy: Policy, atLeast: number, source: Source): Promise<Answer> {
    for (let round = 1; ; round++) {
      const found = round < ROUNDS_MAX ? await cache.get(key, atLeast) : null
      if (found && now() < found.freshUntil) return said(found, 'hit')
      if (found) {
        refresh({ key, policy, atLeast: found.position, source })
        return said(found, 'stale')
      }
      const flight = joinable(key, atLeast, round) ?? launch({ key, policy, atLeast, source }, false)
      const joinedAt = flight.step
      const landed = await flight.landed
      if (landed && landed.entry.position >= atLeast && mayHave(landed, joinedAt))
        return said(landed.entry, 'miss', landed.lacking)
    }
  }

  /** The last time only one that has read nothing yet, and will read what is asked for: its answer is an answer for sure. */
  function joinable(key: string, atLeast: number, round: number): Flight | null {
    const flight = flights.get(key)
    if (!flight) return null
    return round < ROUNDS_MAX || (flight.step === 0 && flight.atLeast >= atLeast) ? flight : null
  }

  function launch(wanted: Wanted, inBackground: boolean): Flight {
    const { promise, resolve } = Promise.withResolvers<Landed | null>()
    const flight: Flight = { step: 0, atLeast: wanted.atLeast, landed: promise }
    flights.set(wanted.key, flight)
    const flown = fly(wanted, flight, inBackground).finally(() => {
      if (flights.get(wanted.key) === flight) flights.delete(wanted.key)
    })
    resolve(flown)
    return flight
  }

  function refresh(wanted: Wanted): void {
    if (flights.has(wanted.key)) return
    const done = launch(wanted, true).landed.then(() => {}, report)
    background.add(done)
    void done.finally(() => background.delete(done))
  }

  /** Builds once it has the claim, or when who has it took too long; meanwhile takes what the other has built. */
  async function fly(wanted: Wanted, flight: Flight, inBackground: boolean): Promise<Landed | null> {
    const { key, atLeast } = wanted
    for (let waitMs = POLL_MIN_MS, waitedMs = 0; ; waitedMs += waitMs, waitMs *= 2) {
      const release = await cache.claim(key, claimMs)
      try {
        const read = ++flight.step
        const entry = await cache.get(key, atLeast)
        if (entry && (!release || now() < entry.freshUntil))
          return inBackground && !release ? null : { entry, read, stored: 0, lacking: null }
        if (release || waitedMs >= claimMs) return await build(wanted, flight)
      } finally {
        await release?.()
      }
      if (inBackground) return null
      await sleep(waitMs)
    }
  }

  async function build({ key, policy, atLeast, source }: Wanted, flight: Flight): Promise<Landed> {
    const read = ++flight.step
    const built = await source.build(atLeast)
    if (built.position < atLeast)
      throw new Error(`Expected an answer at or above ${atLeast}, found one at ${built.position}: ${key}`)
    const entry = timed(built, policy, now(), random())
    const { lacking = null } = built
    if (lacking) return { entry, read, stored: 0, lacking }
    const store = ++flight.step
    const stored = await cache.set(key, entry, () => source.current())
    return { entry, read, stored: stored === 'stored' ? store : 0, lacking }
  }

  const said = (entry: Entry, how: Answer['cache'], lacking: Lacking | null = null): Answer => {
    const { body, etag, position, tags, freshUntil, builtAt } = entry
    return { body, etag, position, tags, lacking, freshUntil, cache: how, ageMs: Math.max(0, now() - builtAt) }
  }

  function kept(key: string): Kept | null {
    const entry = cache.getSync?.(key, 0) ?? null
    const at = now()
    return entry && at < entry.freshUntil ? { entry, ageMs: Math.max(0, at - entry.builtAt) } : null
  }

  const idle = async () => {
    while (background.size) await Promise.all(background)
  }

  return { answer, kept, idle }
}

type Wanted = { readonly key: string; readonly policy: Policy; readonly atLeast: number; readonly source: Source }

/** What builds a key here. `step` counts what it has begun: each look into the cache, the reading of the rows, the storing. */
type Flight = { step: number; readonly atLeast: number; readonly landed: Promise<Landed | null> }

/** The steps that read the answer, and that stored it; 0 where it was not stored. */
type Landed = { readonly entry: Entry; readonly read: number; readonly stored: number; readonly lacking: Lacking | null }

/**
 * Whether an answer is one for who joined at this step: if it was read after he came; or if it was stored after he came, as the cache
 * takes nothing that is older than what was raised by then. Otherwise he may know of a change that it lacks.
 */
function mayHave({ read, stored }: Landed, joinedAt: number): boolean {
  return joinedAt < read || joinedAt < stored
}

function timed(built: Built, policy: Policy, builtAt: number, random: number): Entry {
  const { body, etag, position, tags } = built
  const { ttlMs, staleMs, negativeTtlMs, jitter = 0.1 } = policy
  const share = 1 + jitter * (2 * random - 1)
  const isNegative = body === 'null'
  const freshUntil = builtAt + (isNegative ? negativeTtlMs : ttlMs) * share
  return { body, etag, position, tags, builtAt, freshUntil, staleUntil: freshUntil + (isNegative ? 0 : staleMs * share) }
}

const POLL_MIN_MS = 2
/** How often a caller goes round before he builds for himself. */
const ROUNDS_MAX = 3
