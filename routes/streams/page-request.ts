// The page of a stream that a request asks for, and the address of the page behind it.
import type { Context } from 'hono'
import { categoryOf } from '../../src/definitions/event/stream-name.ts'
import { baseOf } from '../http/base-path.ts'
import { problem } from '../http/problem.ts'
import { bareTypes, FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'

const LIMIT_DEFAULT = 100
const LIMIT_MAX = 1_000

/** Versions after one and before another, in an order. */
export type PageRequest = {
  readonly after: number
  readonly before: number | null
  readonly limit: number
  readonly isBackwards: boolean
  /** As they were asked for; null: all types. */
  readonly types: readonly string[] | null
}

export const PAGE_PARAMETERS: readonly string[] = ['after', 'before', 'limit', 'order', 'type']

/** Reads `?after=`, `?before=`, `?limit=`, `?order=` and `?type=`. */
export function pageRequestOf(c: Context): PageRequest | Response {
  const after = numberOf(c, 'after', { least: 0, fallback: 0 })
  if (after instanceof Response) return after
  const before = numberOf(c, 'before', { least: 1, fallback: null })
  if (before instanceof Response) return before
  const limit = numberOf(c, 'limit', { least: 1, most: LIMIT_MAX, fallback: LIMIT_DEFAULT })
  if (limit instanceof Response) return limit
  const order = c.req.query('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc') return refuse(c, 'order', 'expected asc, or desc for the newest first')
  const types = (c.req.queries('type') ?? []).flatMap(value => value.split(',')).filter(value => value !== '')
  if (types.length > FILTER_VALUES_MAX) return refuse(c, 'type', `expected ${FILTER_VALUES_MAX} values at most`)
  return { after, before, limit, isBackwards: order === 'desc', types: types.length ? types : null }
}

/** The types of a request in one stream, without their category; null: all types. */
export function typesIn(stream: string, { types }: PageRequest): readonly string[] | null {
  return types && bareTypes(types, categoryOf(stream))
}

/** The address of the page that comes after the event of a version. */
export function nextPage(c: Context, stream: string, asked: PageRequest, version: number): string {
  const { after, before, limit, isBackwards, types } = asked
  const window = isBackwards
    ? { order: 'desc', before: version, ...(after > 0 && { after }) }
    : { after: version, ...(before !== null && { before }) }
  const parameters = { ...window, limit, ...(types && { type: types.join(',') }) }
  const query = new URLSearchParams(Object.entries(parameters).map(([name, value]): [string, string] => [name, `${value}`]))
  return `${baseOf(c)}/streams/${encodeURIComponent(stream)}?${query}`
}

type Bound<F> = { readonly least: number; readonly most?: number; readonly fallback: F }

function numberOf<F>(
  c: Context,
  name: string,
  { least, most = Number.MAX_SAFE_INTEGER, fallback }: Bound<F>,
): number | F | Response {
  const text = c.req.query(name)
  if (text === undefined) return fallback
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : -1
  return value >= least && value <= most ? value : refuse(c, name, `expected a whole number from ${least} to ${most}`)
}

function refuse(c: Context, name: string, detail: string): Response {
  return problem(c, 'validation-failed', { errors: [{ pointer: `#/${name}`, detail }] })
}
