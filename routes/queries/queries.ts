// GET /{query}: reads parameters from the query string, and answers from a cache or a run.
import type { Handler } from 'hono'
import type { QueryAnswer } from '../../src/query/query-answers.ts'
import { ANY_POSITION } from '../../src/query/stale-read.ts'
import { cacheHeaders } from '../http/cache-headers.ts'
import { canonicalText } from '../../src/definitions/event/payload.ts'
import type { Definition } from '../../src/definitions/definition.ts'
import type { QuerySpec } from '../../src/definitions/query.ts'
import type { Services } from '../../src/runtime.ts'
import { CachedAnswers } from './cached-answers.ts'
import { refuseByRule } from '../access.ts'
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
      new CachedAnswers(query.name, (emaki, { entry, ageMs }) =>
        headersOf(emaki, query, { ...entry, ageMs, cache: 'hit' }, true),
      ),
    ]),
  )
}

/** Makes the handler of a query. An answer of null is JSON too. The ETag is a hash of the body. */
export function answerQuery(query: QuerySpec, cached: CachedAnswers): Handler {
  return async c => {
    const emaki = servicesOf(c)
    const asked = queryValuesOf(c)
    if (asked instanceof Response) return asked
    const position = await minPositionOf(c, emaki, asked)
    if (position instanceof Response) return position
    c.set('emakiAbout', { query: query.name })
    const params = parametersOf(c, query.params, asked)
    if (params instanceof Response) return params
    const rule = c.get('emakiAccess').query(query.name)
    const refused = await refuseByRule(c, rule, { params: params.data }, 'not-found')
    if (refused) return refused
    if (query.cache && position.min === ANY_POSITION && isVerbatim(params))
      cached.remember(searchOf(c), emaki.queryAnswers.keyOf(query, params.data))
    try {
      const answer = await emaki.queryAnswers.answer(query, params.data, position.min)
      const isForAll = c.req.header(MIN_POSITION) === undefined && rule === 'all'
      return respondWithETag(c, answer.body, { ...headersOf(emaki, query, answer, isForAll), ...position.headers })
    } catch (error) {
      return refuseStale(c, emaki, error, position.headers)
    }
  }
}

/**
 * Whether a schema leaves parameters unchanged. A value that the schema adds or changes, such as a default day of
 * today, may differ tomorrow.
 */
function isVerbatim({ found, data }: Parameters): boolean {
  return canonicalText(found) === canonicalText(data)
}

type HeadedAnswer = Omit<QueryAnswer, 'freshUntil'>

/**
 * The headers of an answer. `isForAll`: the client did not send Min-Position. A shared cache must not keep an answer to
 * that header: it would give the answer to everybody who asks for the URL, or keep one answer for each position.
 */
function headersOf(emaki: Services, query: QuerySpec, answer: HeadedAnswer, isForAll: boolean) {
  return { ...cachingOf(query, answer, isForAll), ...positionHeaders(emaki, answer), ETag: answer.etag }
}

const STATUS = { hit: 'emaki; hit', stale: 'emaki; hit; detail=stale', miss: 'emaki; fwd=miss' } as const

/** The headers that tell caches how to treat an answer. An answer is private unless its policy is public. */
function cachingOf({ cache: policy }: QuerySpec, answer: HeadedAnswer, isForAll: boolean): Readonly<Record<string, string>> {
  // A cache would still call an answer incomplete after it has become complete.
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
