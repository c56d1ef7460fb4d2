// GET /{query}: its parameters from the query string, its answer from a cache or made anew.
import type { Context, Handler } from 'hono'
import type { QueryAnswered } from '../src/answer/answers.ts'
import { cacheHeaders } from '../src/cache/headers.ts'
import type { QuerySpec } from '../src/query/query.ts'
import { running } from './context.ts'
import { told } from './etag.ts'
import { freshOf, includedIn, unfresh } from './fresh.ts'
import { askedOf, MIN_POSITION, parametersOf } from './parameters.ts'

/** The answer to a query, null as JSON too. Its ETag is a hash of the body. */
export function answerOf(query: QuerySpec): Handler {
  return async c => {
    const emaki = running(c)
    const asked = askedOf(c)
    if (asked instanceof Response) return asked
    const freshness = await freshOf(c, emaki, asked)
    if (freshness instanceof Response) return freshness
    const params = parametersOf(c, query.params, asked)
    if (params instanceof Response) return params
    try {
      const answer = await emaki.answers.ask(query, params.data, freshness.fresh)
      return told(c, answer.body, {
        ...cachingOf(c, query, answer),
        ...freshness.headers,
        ...includedIn(emaki, answer),
        ETag: answer.etag,
      })
    } catch (error) {
      return unfresh(c, emaki, error, freshness)
    }
  }
}

const STATUS = { hit: 'emaki; hit', stale: 'emaki; hit; detail=stale', miss: 'emaki; fwd=miss' } as const

/**
 * What caches may do with an answer. Each is private unless its policy says else, and then one that was asked for by the header
 * Min-Position still is: a shared cache that keeps it by its URL would take it for everybody's, or keep one for every position there is.
 */
function cachingOf(c: Context, { cache: policy }: QuerySpec, answer: QueryAnswered): Readonly<Record<string, string>> {
  // What a cache keeps would go on saying what it lacks when it no longer does.
  if (!policy || !answer.cache || answer.lacking) return { 'Cache-Control': 'private, no-cache' }
  const { tags, position, ageMs, body } = answer
  const isNegative = body === 'null'
  const headers = cacheHeaders({
    policy: isNegative ? { ttlMs: policy.negativeTtlMs, staleMs: 0 } : policy,
    tags,
    position,
    ageMs,
    isPublic: policy.public && c.req.header(MIN_POSITION) === undefined,
  })
  return { ...headers, 'Cache-Status': STATUS[answer.cache], ...(policy.public && { Vary: 'Min-Position' }) }
}
