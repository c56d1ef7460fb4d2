// GET /{query}: its parameters from the query string, its answer from a cache or made anew.
import type { Handler } from 'hono'
import { type QueryAnswered, WHATEVER } from '../src/answer/answers.ts'
import { cacheHeaders } from '../src/cache/headers.ts'
import { canonical } from '../src/event/payload.ts'
import type { QuerySpec } from '../src/query/query.ts'
import type { Runtime } from '../src/runtime.ts'
import { running } from './context.ts'
import { told } from './etag.ts'
import { freshOf, includedIn, unfresh } from './fresh.ts'
import { KeptAnswers } from './kept.ts'
import { askedOf, MIN_POSITION, type Parameters, parametersOf, searchOf } from './parameters.ts'

/** Answers of a query that are kept, to be looked at before all else. */
export function keptOf(query: QuerySpec): KeptAnswers {
  return new KeptAnswers((emaki, { entry, ageMs }) => headersOf(emaki, query, { ...entry, ageMs, cache: 'hit' }, true))
}

/** The answer to a query, null as JSON too. Its ETag is a hash of the body. */
export function answerOf(query: QuerySpec, kept: KeptAnswers): Handler {
  return async c => {
    const emaki = running(c)
    const asked = askedOf(c)
    if (asked instanceof Response) return asked
    const freshness = await freshOf(c, emaki, asked)
    if (freshness instanceof Response) return freshness
    const params = parametersOf(c, query.params, asked)
    if (params instanceof Response) return params
    if (query.cache && freshness.fresh === WHATEVER && isVerbatim(params))
      kept.remember(searchOf(c), emaki.answers.keyOf(query, params.data))
    try {
      const answer = await emaki.answers.ask(query, params.data, freshness.fresh)
      const isForAll = c.req.header(MIN_POSITION) === undefined
      return told(c, answer.body, { ...headersOf(emaki, query, answer, isForAll), ...freshness.headers })
    } catch (error) {
      return unfresh(c, emaki, error, freshness)
    }
  }
}

/** Whether a schema takes parameters as they are. What it adds or changes may be other tomorrow, such as a day that is today by default. */
function isVerbatim({ found, data }: Parameters): boolean {
  return canonical(found) === canonical(data)
}

type Headed = Omit<QueryAnswered, 'freshUntil'>

/**
 * What an answer is told with. `isForAll`: whether it was not asked for by the header Min-Position. A shared cache that keeps one that was
 * would take it for everybody's by its URL, or keep one for every position there is.
 */
function headersOf(emaki: Runtime, query: QuerySpec, answer: Headed, isForAll: boolean) {
  return { ...cachingOf(query, answer, isForAll), ...includedIn(emaki, answer), ETag: answer.etag }
}

const STATUS = { hit: 'emaki; hit', stale: 'emaki; hit; detail=stale', miss: 'emaki; fwd=miss' } as const

/** What caches may do with an answer. Each is private unless its policy says else. */
function cachingOf({ cache: policy }: QuerySpec, answer: Headed, isForAll: boolean): Readonly<Record<string, string>> {
  // What a cache keeps would go on saying what it lacks when it no longer does.
  if (!policy || !answer.cache || answer.lacking) return { 'Cache-Control': 'private, no-cache' }
  const { tags, position, ageMs, body } = answer
  const isNegative = body === 'null'
  const headers = cacheHeaders({
    policy: isNegative ? { ttlMs: policy.negativeTtlMs, staleMs: 0 } : policy,
    tags,
    position,
    ageMs,
    isPublic: policy.public && isForAll,
  })
  return { ...headers, 'Cache-Status': STATUS[answer.cache], ...(policy.public && { Vary: 'Min-Position' }) }
}
