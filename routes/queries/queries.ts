// GET /{query}: its parameters from the query string, its answer from a cache or from a run.
import type { Handler } from 'hono'
import type { QueryAnswer } from '../../src/query/query-answers.ts'
import { ANY_POSITION } from '../../src/query/stale-read.ts'
import { cacheHeaders } from '../http/cache-headers.ts'
import { canonicalText } from '../../src/definitions/event/payload.ts'
import type { Definition } from '../../src/definitions/definition.ts'
import type { QuerySpec } from '../../src/definitions/query.ts'
import type { Services } from '../../src/runtime.ts'
import { CachedAnswers } from './cached-answers.ts'
import { servicesOf } from '../context.ts'
import { respondWithETag } from '../http/etag.ts'
import { minPositionOf, positionHeaders, refuseStale } from '../http/min-position.ts'
import { MIN_POSITION, type Parameters, parametersOf, queryValuesOf, searchOf } from '../http/parameters.ts'

/** The cached answers of each query, by its name. */
export function cachedAnswersOf(definitions: readonly Definition[]): ReadonlyMap<string, CachedAnswers> {
  const queries = definitions.filter(one => one.kind === 'query')
  return new Map(
    queries.map(query => [
      query.name,
      new CachedAnswers((emaki, { entry, ageMs }) => headersOf(emaki, query, { ...entry, ageMs, cache: 'hit' }, true)),
    ]),
  )
}

/** The answer to a query, null as JSON too. Its ETag is a hash of the body. */
export function answerQuery(query: QuerySpec, cached: CachedAnswers): Handler {
  return async c => {
    const emaki = servicesOf(c)
    const asked = queryValuesOf(c)
    if (asked instanceof Response) return asked
    const position = await minPositionOf(c, emaki, asked)
    if (position instanceof Response) return position
    const params = parametersOf(c, query.params, asked)
    if (params instanceof Response) return params
    if (query.cache && position.min === ANY_POSITION && isVerbatim(params))
      cached.remember(searchOf(c), emaki.queryAnswers.keyOf(query, params.data))
    try {
      const answer = await emaki.queryAnswers.answer(query, params.data, position.min)
      const isForAll = c.req.header(MIN_POSITION) === undefined
      return respondWithETag(c, answer.body, { ...headersOf(emaki, query, answer, isForAll), ...position.headers })
    } catch (error) {
      return refuseStale(c, emaki, error, position.headers)
    }
  }
}

/** Whether a schema takes parameters as they are. A value that it adds or changes may differ tomorrow, such as a default day of today. */
function isVerbatim({ found, data }: Parameters): boolean {
  return canonicalText(found) === canonicalText(data)
}

type HeadedAnswer = Omit<QueryAnswer, 'freshUntil'>

/**
 * The headers of an answer. `isForAll`: the client did not send Min-Position. A shared cache that keeps an answer to that header would give
 * it to everybody who asks for its URL, or keep an answer for each position.
 */
function headersOf(emaki: Services, query: QuerySpec, answer: HeadedAnswer, isForAll: boolean) {
  return { ...cachingOf(query, answer, isForAll), ...positionHeaders(emaki, answer), ETag: answer.etag }
}

const STATUS = { hit: 'emaki; hit', stale: 'emaki; hit; detail=stale', miss: 'emaki; fwd=miss' } as const

/** The headers that say what caches may do with an answer. It is private unless its policy says that it is public. */
function cachingOf({ cache: policy }: QuerySpec, answer: HeadedAnswer, isForAll: boolean): Readonly<Record<string, string>> {
  // A cache would go on saying that an answer is incomplete when it no longer is.
  if (!policy || !answer.cache || answer.incomplete) return { 'Cache-Control': 'private, no-cache' }
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
