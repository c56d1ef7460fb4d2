// GET /{projection}/{key} and GET /{projection}: rows, as new as the client asks for.
import type { Context, Handler } from 'hono'
import { BadList, LIST_LIMIT_MAX, type Where } from '../src/answer/rows.ts'
import type { ProjectionSpec } from '../src/projection/projection.ts'
import { running } from './context.ts'
import { freshOf, unfresh } from './fresh.ts'
import { isEncoded } from './ids.ts'
import { problem } from './problem.ts'
import { tagged } from './states.ts'

/** The row of a key. Its ETag is the table and the position of the last event folded into it. */
export function rowOf(projection: ProjectionSpec): Handler {
  return async c => {
    const fresh = await freshOf(c, running(c))
    if (fresh instanceof Response) return fresh
    const key = c.req.param('key')!
    if (!isEncoded(c.req.raw.url) || key.includes('\0') || !key.isWellFormed()) return problem(c, 'row-not-found')
    try {
      const row = await running(c).answers.row(projection, key, fresh)
      if (!row) return problem(c, 'row-not-found')
      const headers = {
        ETag: `"${row.table}-${row.at}"`,
        'Event-Position': String(row.position),
        'Cache-Control': 'private, no-cache',
        ...(row.parked !== null && { 'Row-Parked': String(row.parked) }),
      }
      if (tagged(c, headers.ETag)) return c.body(null, 304, headers)
      return c.body(row.text, 200, { ...headers, 'Content-Type': 'application/json' })
    } catch (error) {
      return unfresh(c, error)
    }
  }
}

/** Rows by the values of indexes, `?sort=`, `?limit=`, `?cursor=`, `?count=true`. Its ETag is a hash of the items. */
export function rowsOf(projection: ProjectionSpec): Handler {
  return async c => {
    const fresh = await freshOf(c, running(c))
    if (fresh instanceof Response) return fresh
    const asked = askedOf(c, projection)
    if (asked instanceof Response) return asked
    try {
      const { text, position } = await running(c).answers.list(projection, asked.where, asked.by, fresh)
      // What the position adds changes with every event of the log, and nothing that was asked for.
      const items = text.slice(0, text.lastIndexOf(',"position":'))
      const headers = {
        ETag: `"${Bun.hash.xxHash64(items).toString(36)}"`,
        'Event-Position': String(position),
        'Cache-Control': 'private, no-cache',
      }
      if (tagged(c, headers.ETag)) return c.body(null, 304, headers)
      return c.body(text, 200, { ...headers, 'Content-Type': 'application/json' })
    } catch (error) {
      if (error instanceof BadList) return refused(c, error.field, error.message)
      return unfresh(c, error)
    }
  }
}

const OWN = ['limit', 'cursor', 'sort', 'count', 'min-position']

type Asked = {
  readonly where: Where
  readonly by: { readonly sort?: string; readonly limit?: number; readonly cursor?: string; readonly count?: boolean }
}

/** A list as the query string has it. A field is what its index holds: text as it is, numbers and booleans by their JSON. */
function askedOf(c: Context, { indexes, row }: ProjectionSpec): Asked | Response {
  const query = c.req.queries()
  const twice = Object.keys(query).find(name => query[name]!.length > 1)
  if (twice !== undefined) return refused(c, twice, 'is given more than once')
  const where: Record<string, string | number | boolean | null> = {}
  for (const [name, [text]] of Object.entries(query)) {
    if (OWN.includes(name)) continue
    const index = indexes.find(({ field }) => field === name)
    if (!index) return refused(c, name, `is no index; there are ${[...indexes.map(({ field }) => field), ...OWN].join(', ')}`)
    const value = index.kind === 'text' ? (text === 'null' && isNullable(row, name) ? null : text!) : valueIn(text!)
    if (value === undefined || (typeof value === 'string' && value.includes('\0')))
      return refused(c, name, 'expected a number, true, false or null')
    where[name] = value
  }
  const limit = query['limit']?.[0]
  if (limit !== undefined && !/^[1-9][0-9]{0,3}$/.test(limit))
    return refused(c, 'limit', `expected a whole number from 1 to ${LIST_LIMIT_MAX}`)
  const by = {
    ...(query['sort'] && { sort: query['sort'][0]! }),
    ...(query['cursor'] && { cursor: query['cursor'][0]! }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(query['count'] && { count: query['count'][0] !== 'false' }),
  }
  return { where, by }
}

function valueIn(text: string): number | boolean | null | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  return /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined
}

function isNullable(row: ProjectionSpec['row'], field: string): boolean {
  const { properties } = row.toJSONSchema({ unrepresentable: 'any' }) as { properties?: Readonly<Record<string, unknown>> }
  return JSON.stringify(properties?.[field] ?? '').includes('"null"')
}

function refused(c: Context, field: string, detail: string): Response {
  return problem(c, 'validation-failed', { errors: [{ pointer: `#/${field}`, detail }] })
}
