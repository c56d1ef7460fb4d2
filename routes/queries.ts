// GET /{query}: its parameters from the query string, its answer from a cache or made anew.
import type { Context, Handler } from 'hono'
import type { QuerySpec } from '../src/query/query.ts'
import { running } from './context.ts'
import { freshOf, unfresh } from './fresh.ts'
import { pointer, problem } from './problem.ts'
import { tagged } from './states.ts'

/** The answer to a query, null as JSON too. Its ETag is a hash of the body. */
export function answerOf(query: QuerySpec): Handler {
  return async c => {
    const emaki = running(c)
    const fresh = await freshOf(c, emaki)
    if (fresh instanceof Response) return fresh
    const params = paramsOf(c, query)
    if (params instanceof Response) return params
    try {
      const { body, etag, position, cache, ageMs } = await emaki.answers.ask(query, params.data, fresh)
      const headers = {
        ETag: etag,
        'Event-Position': String(position),
        'Cache-Control': 'private, no-cache',
        ...(cache && {
          'Cache-Status': cache === 'miss' ? 'emaki; fwd=miss' : 'emaki; hit',
          Age: String(Math.floor(ageMs / 1_000)),
        }),
      }
      if (tagged(c, etag)) return c.body(null, 304, headers)
      return c.body(body, 200, { ...headers, 'Content-Type': 'application/json' })
    } catch (error) {
      return unfresh(c, error)
    }
  }
}

/** Parameters: text as it came; where the schema wants another kind, what its JSON says. Several of one name are a list. */
function paramsOf(c: Context, { params }: QuerySpec): { readonly data: unknown } | Response {
  const query = Object.fromEntries(Object.entries(c.req.queries()).filter(([name]) => name !== 'min-position'))
  const stranger = Object.keys(query).find(name => !Object.hasOwn(params.shape, name))
  if (stranger !== undefined)
    return problem(c, 'validation-failed', {
      errors: [
        { pointer: pointer([stranger]), detail: `is no parameter; there are ${Object.keys(params.shape).join(', ') || 'none'}` },
      ],
    })
  const asText = Object.fromEntries(Object.entries(query).map(([name, values]) => [name, values.length > 1 ? values : values[0]]))
  const parsed = params.safeParse(asText)
  if (parsed.success) return { data: parsed.data }
  const wrong = new Set(parsed.error.issues.map(({ path }) => path[0]))
  const asJson = Object.fromEntries(
    Object.entries(asText).map(([name, value]) => [name, wrong.has(name) ? jsonOf(value) : value]),
  )
  const again = params.safeParse(asJson)
  if (again.success) return { data: again.data }
  const errors = again.error.issues.map(({ path, message }) => ({ pointer: pointer(path), detail: message }))
  return problem(c, 'validation-failed', { errors })
}

function jsonOf(value: string | string[] | undefined): unknown {
  if (value === undefined) return undefined
  if (Array.isArray(value)) return value.map(jsonOf)
  return /^(true|false|null|-?\d+(\.\d+)?)$/.test(value) ? (JSON.parse(value) as unknown) : value
}
