import type { z } from 'zod'
import { type Duration, milliseconds } from './event/duration.ts'
import { spec } from './event/events.ts'
import type { Projection, ProjectionSpec } from './projection/projection.ts'

/** How rows are asked for, besides their fields. */
export type ListBy<Row, I extends string> = {
  /** An index, or an index after `-` for the greatest first. Default: by key. */
  readonly sort?: I | `-${I}`
  /** Begin behind this row in that order: the last of the page before. Default: with the first row. */
  readonly after?: { readonly key: string } & { readonly [P in I]?: Row[P & keyof Row] }
  /** Default: 100; at most 1 000. */
  readonly limit?: number
}

/** Rows of a projection, with their keys. */
export type Rows<Row, I extends string> = {
  /** The row of a key; null: there is none. */
  readonly get: (key: string) => Promise<(Row & { readonly key: string }) | null>
  /** Rows whose indexes have these values, by key or sorted, at most `limit`. */
  readonly list: (
    where?: { readonly [P in I]?: Row[P & keyof Row] },
    by?: ListBy<Row, I>,
  ) => Promise<readonly (Row & { readonly key: string })[]>
  readonly count: (where?: { readonly [P in I]?: Row[P & keyof Row] }) => Promise<number>
}

/** Reads rows of a projection. What a query reads this way is what its answer depends on. */
export type Read = <N extends string, Row, I extends string>(projection: Projection<N, Row, I>) => Rows<Row, I>

/** How long an answer may be kept, and by whom. */
export type CachePolicy<P> = {
  /** How long an answer is fresh, unless what it read changes before. */
  readonly ttl: Duration
  /** How long after that it may still be given while it is made anew. Default: not at all. */
  readonly stale?: Duration
  /** How long an answer of null is fresh. Default: a tenth of `ttl`. */
  readonly negative?: Duration
  /** Names by which answers can be made out of date by `runtime.invalidate`, and purged, besides the names of the rows that were read. */
  readonly tags?: (params: P) => readonly string[]
  /** Whether shared caches may keep it. Default: false, as answers may be for who asks. */
  readonly public?: boolean
}

/** What nobody changes any more, all through. */
type Fixed<T> = T extends object ? { readonly [K in keyof T]: Fixed<T[K]> } : T

/** A query as the framework runs it. */
export type QuerySpec = {
  readonly kind: 'query'
  readonly name: string
  readonly params: z.ZodObject
  readonly answer: z.ZodType | null
  readonly cache: {
    readonly ttlMs: number
    readonly staleMs: number
    readonly negativeTtlMs: number
    readonly tags: (params: unknown) => readonly string[]
    readonly public: boolean
  } | null
  readonly run: (params: unknown, read: (projection: { readonly [spec]: ProjectionSpec }) => unknown) => Promise<unknown>
}
export type Query<N extends string, P, A> = {
  readonly [spec]: QuerySpec & { readonly name: N; readonly types?: { readonly params: P; readonly answer: A } }
}

/**
 * A named read: parameters by a schema, an answer made of rows, and how long it may be kept.
 *
 * What `run` reads by `read(projection)` is what its answer depends on: a change to one of these rows, or to what a list would give,
 * makes kept answers out of date at once, wherever they are kept. A query that reads anything else lives as long as its `ttl`.
 *
 * - `params`: what it is asked by. Not `min-position`, by which every query may be asked.
 * - `answer`: a schema of the answer, for OpenAPI; held against each answer outside of production. Default: none.
 * - `cache`: how long an answer is kept, and by whom. Default: not at all.
 * - `run`: makes the answer. It only reads, as it may run again: where rows were not yet as new as asked for, or for several who ask.
 *
 * @example
 * const summary = query('order-summary', {
 *   params: z.object({ customerId: z.string() }),
 *   cache: { ttl: '5 minutes', tags: ({ customerId }) => [`customer:${customerId}`] },
 *   run: async ({ customerId }, read) => ({ orders: await read(orders).count({ customerId }) }),
 * })
 */
export function query<const N extends string, P extends z.ZodObject, Z extends z.ZodType, const A extends Fixed<z.output<Z>>>(
  name: N,
  options: {
    readonly params: P
    readonly answer?: Z
    readonly cache?: CachePolicy<z.output<P>>
    readonly run: (params: z.output<P>, read: Read) => Promise<A>
  },
): Query<N, z.input<P>, A> {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name))
    throw new TypeError(`query('${name}'): a name is small letters, digits and -, at most 40`)
  const { params, answer = null, cache, run } = options
  if (Object.hasOwn(params.shape, 'min-position'))
    throw new TypeError(`query('${name}'): every query may be asked by min-position; call the parameter something else`)
  const definition: QuerySpec = {
    kind: 'query',
    name,
    params,
    answer,
    cache: cache
      ? {
          ttlMs: milliseconds(cache.ttl),
          staleMs: cache.stale ? milliseconds(cache.stale) : 0,
          negativeTtlMs: cache.negative ? milliseconds(cache.negative) : milliseconds(cache.ttl) / 10,
          tags: (cache.tags ?? (() => [])) as (params: unknown) => readonly string[],
          public: cache.public ?? false,
        }
      : null,
    // What `params` gives is what `run` takes; inside, both are unknown.
    run: run as unknown as QuerySpec['run'],
  }
  return Object.freeze({ [spec]: definition }) as Query<N, z.input<P>, A>
}
