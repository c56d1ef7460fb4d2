// GET /{projection}/{key} and GET /{projection}: rows that are as new as the client needs.
import type { Handler } from 'hono'
import { BadList } from '../../src/query/where.ts'
import { StaleRead } from '../../src/query/stale-read.ts'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { token } from '../../src/ports/store/token.ts'
import { servicesOf } from '../context.ts'
import { hashOf, respondWithETag } from '../http/etag.ts'
import { isEncoded } from '../commands/ids.ts'
import { incompleteHeaders, minPositionOf, positionHeaders, refuseStale } from '../http/min-position.ts'
import { parametersOf, queryValuesOf, refuseParameter } from '../http/parameters.ts'
import { problem } from '../http/problem.ts'
import { listParameters, listRequestOf } from './list-parameters.ts'
import { isVisible, visibleRows } from './visible.ts'

/**
 * Makes the handler for the row of a key. The ETag is the table, the position of the row's last event, and a hash: a
 * row that is folded again may differ at the same position.
 */
export function getRow(projection: ProjectionSpec): Handler {
  return async c => {
    const emaki = servicesOf(c)
    const asked = queryValuesOf(c)
    if (asked instanceof Response) return asked
    const position = await minPositionOf(c, emaki, asked)
    if (position instanceof Response) return position
    const key = c.req.param('key')!
    c.set('emakiAbout', { projection: projection.name, key })
    if (!isEncoded(c.req.raw.url) || key.includes('\0')) return problem(c, 'row-not-found')
    const visible = await visibleRows(c, projection, key)
    if (visible instanceof Response) return visible
    try {
      const { text, table, at, ...row } = await emaki.rowAnswers.get(projection, key, position.min)
      if (text !== null && !isVisible(visible, text)) return problem(c, 'row-not-found', {}, position.headers)
      if (text === null)
        return problem(c, 'row-not-found', {}, { ...position.headers, ...incompleteHeaders(emaki, row.incomplete) })
      return respondWithETag(c, text, {
        ...position.headers,
        ...positionHeaders(emaki, row),
        ETag: `"${table}-${token(emaki.store.identity, at)}-${hashOf(text)}"`,
        'Cache-Control': 'private, no-cache',
      })
    } catch (error) {
      // Nobody knows whose a parked row is, so it is as one that does not exist.
      if (visible.length && error instanceof StaleRead && error.reason === 'parked')
        return problem(c, 'row-not-found', {}, position.headers)
      return refuseStale(c, emaki, error, position.headers)
    }
  }
}

/** Makes the handler for rows by conditions on indexes: `?total.gte=100`, `?sort=`, `?limit=`, `?cursor=`, `?count=true`. */
export function listRows(projection: ProjectionSpec): Handler {
  const { schema, lists } = listParameters(projection)
  return async c => {
    const emaki = servicesOf(c)
    const asked = queryValuesOf(c)
    if (asked instanceof Response) return asked
    const position = await minPositionOf(c, emaki, asked)
    if (position instanceof Response) return position
    c.set('emakiAbout', { projection: projection.name })
    const found = parametersOf(c, schema, asked, lists)
    if (found instanceof Response) return found
    const within = await visibleRows(c, projection, null)
    if (within instanceof Response) return within
    try {
      const { where, by } = listRequestOf(found.data)
      const { text, items, ...page } = await emaki.rowAnswers.list(projection, where, { ...by, within }, position.min)
      return respondWithETag(c, text, {
        ...position.headers,
        ...positionHeaders(emaki, page),
        // Weak: the position changes with every event of the log, and the rows do not.
        ETag: `W/"${hashOf(items)}"`,
        'Cache-Control': 'private, no-cache',
      })
    } catch (error) {
      if (error instanceof BadList) return refuseParameter(c, [error.field], error.problem)
      return refuseStale(c, emaki, error, position.headers)
    }
  }
}
