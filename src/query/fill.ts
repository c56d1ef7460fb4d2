// Answers from a cache, and fills it. One build serves all callers that miss a key at once, here and in other
// processes, and a stale answer serves while the next one is built. A caller never gets an answer below its own
// position, nor one that was read before a raise that it may know of.
import type { Cache, Entry } from '../ports/cache/cache.ts'
import { BrokenPromise } from '../ports/report/broken-promise.ts'
import { Notice, type Report } from '../ports/report/notice.ts'

/** How long an answer is cached. All times are in ms. */
export type Policy = {
  /** How long the answer is fresh. */
  readonly ttlMs: number
  /** How long after that it may still be given, while it is built again. */
  readonly staleMs: number
  /** How long an answer of `null` is fresh. It is never given stale. */
  readonly negativeTtlMs: number
  /** The times above vary by up to this share, so that answers built together do not end together. Default: 0.1. */
  readonly jitter?: number
}

/**
 * A built answer. `position`: where the read models were before its rows were read. A body of `null` is negative. An
 * incomplete answer goes to the callers that wait for it and is not cached, because an entry cannot say that it is
 * incomplete.
 */
export type Built = Pick<Entry, 'body' | 'etag' | 'position' | 'tags'> & { readonly incomplete?: Incomplete | null }

/**
 * The events that an answer may lack. `parked`: events from this position on, because rows stopped there. `frozen`:
 * events after this position, because rows are no longer folded. Null: none for that reason.
 */
export type Incomplete = { readonly parked: number | null; readonly frozen: number | null }

export type AnswerSource = {
  /** Builds the answer at or above the position. Rejects if it cannot. */
  build(atLeast: number): Promise<Built>
  /** Reads the present position of the read models from the database: at or above every commit so far. */
  currentPosition(): Promise<number>
}

export type FilledAnswer = Built & {
  readonly cache: 'hit' | 'stale' | 'miss'
  readonly ageMs: number
  readonly freshUntil: number
}

/** A fresh entry and its age. */
export type FreshEntry = { readonly entry: Entry; readonly ageMs: number }

export type FillingOptions = {
  /** The time in ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
  /** A number of at least 0 and below 1. Default: Math.random. */
  readonly random?: () => number
  readonly sleep?: (ms: number) => Promise<void>
  /** How long another process may take to build, in ms, before this one builds too. Default: 1 000. */
  readonly claimMs?: number
  /**
   * Called with the error of a build in the background. Default: the error is dropped, and the next caller tries again.
   */
  readonly report?: Report
}

export interface Filling {
  /**
   * Answers from the cache, or builds the answer.
   *
   * 1. A hit is the answer. A stale entry is, too, and one build in the background replaces it.
   * 2. On a miss one caller builds and the others wait, also those of other processes, for as long as `claimMs`.
   * 3. An answer below a caller's `atLeast` is not given to it, nor one that was read before the caller came and raised
   *    meanwhile. The caller tries again.
   *
   * Rejects with the error of `build`.
   */
  answer(key: string, policy: Policy, atLeast: number, source: AnswerSource): Promise<FilledAnswer>
  /** The hit that `answer` can give without waiting, to a caller that accepts any position. Null: there is none. */
  getFresh(key: string): FreshEntry | null
  /** Resolves when no build runs in the background. */
  waitUntilIdle(): Promise<void>
}

export function createFilling(cache: Cache, options: FillingOptions = {}): Filling {
  const { now = Date.now, random = Math.random, sleep = Bun.sleep, claimMs = 1_000, report = () => {} } = options
  const builds = new Map<string, Build>()
  const background = new Set<Promise<void>>()

  async function answer(key: string, policy: Policy, atLeast: number, source: AnswerSource): Promise<FilledAnswer> {
    for (let round = 1; ; round++) {
      const found = round < ROUNDS_MAX ? await cache.get(key, atLeast) : null
      if (found && now() < found.freshUntil) return toAnswer(found, 'hit')
      if (found) {
        startRefresh({ key, policy, atLeast: found.position, source })
        return toAnswer(found, 'stale')
      }
      const build = findBuild(key, atLeast, round) ?? startBuild({ key, policy, atLeast, source }, false)
      const joinedAt = build.step
      const result = await build.result
      if (result && result.entry.position >= atLeast && isNewerThan(result, joinedAt))
        return toAnswer(result.entry, 'miss', result.incomplete)
    }
  }

  /**
   * Finds a build for a caller to join. In the last round only one fits that has read nothing yet and will read far
   * enough.
   */
  function findBuild(key: string, atLeast: number, round: number): Build | null {
    const build = builds.get(key)
    if (!build) return null
    return round < ROUNDS_MAX || (build.step === 0 && build.atLeast >= atLeast) ? build : null
  }

  function startBuild(request: BuildRequest, inBackground: boolean): Build {
    const { promise, resolve } = Promise.withResolvers<BuildResult | null>()
    const build: Build = { step: 0, atLeast: request.atLeast, result: promise }
    builds.set(request.key, build)
    const running = runBuild(request, build, inBackground).finally(() => {
      if (builds.get(request.key) === build) builds.delete(request.key)
    })
    resolve(running)
    return build
  }

  function startRefresh(request: BuildRequest): void {
    if (builds.has(request.key)) return
    const done = startBuild(request, true).result.then(
      () => {},
      cause => report(refreshNotice(request.key, cause)),
    )
    background.add(done)
    void done.finally(() => background.delete(done))
  }

  /**
   * Builds once this process has the claim, or once its holder took too long. Meanwhile takes the entry if the holder
   * has built it.
   */
  async function runBuild(request: BuildRequest, build: Build, inBackground: boolean): Promise<BuildResult | null> {
    const { key, atLeast } = request
    for (let waitMs = POLL_MIN_MS, waitedMs = 0; ; waitedMs += waitMs, waitMs *= 2) {
      const release = await cache.claim(key, claimMs)
      try {
        const readStep = ++build.step
        const entry = await cache.get(key, atLeast)
        if (entry && (!release || now() < entry.freshUntil))
          return inBackground && !release ? null : { entry, readStep, storeStep: 0, incomplete: null }
        if (release || waitedMs >= claimMs) return await buildEntry(request, build)
      } finally {
        await release?.()
      }
      if (inBackground) return null
      await sleep(waitMs)
    }
  }

  async function buildEntry({ key, policy, atLeast, source }: BuildRequest, build: Build): Promise<BuildResult> {
    const readStep = ++build.step
    const built = await source.build(atLeast)
    if (built.position < atLeast)
      throw new BrokenPromise('freshness', `Expected an answer at or above ${atLeast}, found one at ${built.position}: ${key}`)
    const entry = toEntry(built, policy, now(), random())
    const { incomplete = null } = built
    if (incomplete) return { entry, readStep, storeStep: 0, incomplete }
    const storeStep = ++build.step
    const stored = await cache.set(key, entry, () => source.currentPosition())
    return { entry, readStep, storeStep: stored === 'stored' ? storeStep : 0, incomplete }
  }

  const toAnswer = (entry: Entry, from: FilledAnswer['cache'], incomplete: Incomplete | null = null): FilledAnswer => {
    const { body, etag, position, tags, freshUntil, builtAt } = entry
    return { body, etag, position, tags, incomplete, freshUntil, cache: from, ageMs: Math.max(0, now() - builtAt) }
  }

  function getFresh(key: string): FreshEntry | null {
    const entry = cache.getSync?.(key, 0) ?? null
    const at = now()
    return entry && at < entry.freshUntil ? { entry, ageMs: Math.max(0, at - entry.builtAt) } : null
  }

  const waitUntilIdle = async () => {
    while (background.size) await Promise.all(background)
  }

  return { answer, getFresh, waitUntilIdle }
}

function refreshNotice(key: string, cause: unknown): Notice {
  const message = `An answer is stale, and the next one could not be built: ${String(cause)}. The next caller tries again.`
  return new Notice({ level: 'error', code: 'refresh-failed', message, fields: { answer: key }, cause })
}

type BuildRequest = { readonly key: string; readonly policy: Policy; readonly atLeast: number; readonly source: AnswerSource }

/**
 * A build of a key in this process. `step` counts its steps so far: each look into the cache, the read of the rows, the
 * store.
 */
type Build = { step: number; readonly atLeast: number; readonly result: Promise<BuildResult | null> }

/** The result of a build, with the step that read the answer and the step that stored it; 0: it was not stored. */
type BuildResult = {
  readonly entry: Entry
  readonly readStep: number
  readonly storeStep: number
  readonly incomplete: Incomplete | null
}

/**
 * Whether a caller that joined at a step may have the answer. It may if the answer was read later; or if it was stored
 * later, because the cache takes no entry that is older than a raise by then. Otherwise the caller may know of a change
 * that the answer lacks.
 */
function isNewerThan({ readStep, storeStep }: BuildResult, joinedAt: number): boolean {
  return joinedAt < readStep || joinedAt < storeStep
}

function toEntry(built: Built, policy: Policy, builtAt: number, random: number): Entry {
  const { body, etag, position, tags } = built
  const { ttlMs, staleMs, negativeTtlMs, jitter = 0.1 } = policy
  const share = 1 + jitter * (2 * random - 1)
  const isNegative = body === 'null'
  const freshUntil = builtAt + (isNegative ? negativeTtlMs : ttlMs) * share
  return { body, etag, position, tags, builtAt, freshUntil, staleUntil: freshUntil + (isNegative ? 0 : staleMs * share) }
}

const POLL_MIN_MS = 2
/** How often a caller tries before it builds for itself. */
const ROUNDS_MAX = 3
