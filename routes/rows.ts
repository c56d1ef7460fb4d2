// GET /{projection}/{key} and GET /{projection}: rows, as new as the client asks for.
import type { Handler } from 'hono'
import { BadList, type ListBy, type Where } from '../src/answer/rows.ts'
import type { ProjectionSpec } from '../src/projection/projection.ts'
import { token } from '../src/store/token.ts'
import { running } from './context.ts'
import { hashOf, told } from './etag.ts'
import { freshOf, includedIn, lackingOf, unfresh } from './fresh.ts'
import { isEncoded } from './ids.ts'
import { askedOf, listParameters, parametersOf, refused } from './parameters.ts'
import { problem } from './problem.ts'

/**
 * The row of a key. Its ETag is the table and the last event folded into it, with a hash, as a row that is folded anew may come to
 * something else at the same position.
 */
export function rowOf(projection: ProjectionSpec): Handler {
  return async c => {
    const emaki = running(c)
    const asked = askedOf(c)
    if (asked instanceof Response) return asked
    const freshness = await freshOf(c, emaki, asked)
    if (freshness instanceof Response) return freshness
    const key = c.req.param('key')!
    if (!isEncoded(c.req.raw.url) || key.includes('\0')) return problem(c, 'row-not-found')
    try {
      const { text, table, at, ...row } = await emaki.answers.row(projection, key, freshness.fresh)
      if (text === null) return problem(c, 'row-not-found', {}, { ...freshness.headers, ...lackingOf(emaki, row.lacking) })
      return told(c, text, {
        ...freshness.headers,
        ...includedIn(emaki, row),
        ETag: `"${table}-${token(emaki.store.identity, at)}-${hashOf(text)}"`,
        'Cache-Control': 'private, no-cache',
      })
    } catch (error) {
      return unfresh(c, emaki, error, freshness)
    }
  }
}

/** Rows by the values of indexes, `?sort=`, `?limit=`, `?cursor=`, `?count=true`. */
export function rowsOf(projection: ProjectionSpec): Handler {
  const parameters = listParameters(projection)
  return async c => {
    const emaki = running(c)
    const asked = askedOf(c)
    if (asked instanceof Response) return asked
    const freshness = await freshOf(c, emaki, asked)
    if (freshness instanceof Response) return freshness
    const found = parametersOf(c, parameters, asked)
    if (found instanceof Response) return found
    // What `parameters` gives: its own names, and a value for each index that was asked for.
    const { sort, limit, cursor, count, ...where } = found.data as ListBy & { readonly count?: boolean } & Where
    const by = {
      ...(sort !== undefined && { sort }),
      ...(limit !== undefined && { limit }),
      ...(cursor !== undefined && { cursor }),
      ...(count !== undefined && { count }),
    }
    try {
      const { text, items, ...page } = await emaki.answers.list(projection, where, by, freshness.fresh)
      return told(c, text, {
        ...freshness.headers,
        ...includedIn(emaki, page),
        // Weak: the position changes with every event of the log, and nothing that was asked for.
        ETag: `W/"${hashOf(items)}"`,
        'Cache-Control': 'private, no-cache',
      })
    } catch (error) {
      if (error instanceof BadList) return refused(c, [error.field], error.message)
      return unfresh(c, emaki, error, freshness)
    }
  }
}
