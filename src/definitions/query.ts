import { noteSecretFields } from './secret-fields.ts'
import type { z } from 'zod'
import { checkDefinitionName, type DefinitionName } from './definition-name.ts'
import { type Duration, milliseconds } from './event/duration.ts'
import { spec } from './event/events.ts'
import type { One } from './event/families.ts'
import { checkOptions, type OptionKinds } from './options.ts'
import type { AnyProjection, Projection, ProjectionSpec } from './projection/projection.ts'

/**
 * The rows of a list, by their indexes: the value of a field, or conditions that it has to meet. Undefined: any value.
 */
export type RowWhere<Row, I extends string> = {
  readonly [P in I]?: Row[P & keyof Row] | RowConditions<Row[P & keyof Row]> | undefined
}

/** Conditions on a field, all of which have to be met. Texts are compared by code points. */
export type RowConditions<Value> = {
  /** The field is greater than this. A field that is null is neither greater nor less. */
  readonly gt?: Present<Value> | undefined
  /** The field is this or greater. */
  readonly gte?: Present<Value> | undefined
  /** The field is less than this. */
  readonly lt?: Present<Value> | undefined
  /** The field is this or less. */
  readonly lte?: Present<Value> | undefined
  /** The field is one of these, at most 1 000. */
  readonly in?: readonly Value[] | undefined
  /** The field is a text that begins with this one. */
  readonly prefix?: ([Present<Value>] extends [string] ? string : never) | undefined
  /** Whether the field is null. */
  readonly null?: boolean | undefined
}
type Present<Value> = Exclude<Value, null | undefined>

/** An index to sort by, with `-` before it for descending order. */
export type SortBy<I extends string> = I | `-${I}`

/** The order, the start and the length of a list. */
export type ListBy<Row, I extends string> = {
  /**
   * An index, with `-` before it for descending order; or several, one after the other. The index of the first one gives
   * the order; rows that have the same value there are sorted for each page. Default: by key.
   */
  readonly sort?: SortBy<I> | readonly SortBy<I>[]
  /** Begins after this row in that order: the last row of the page before. Default: with the first row. */
  readonly after?: { readonly key: string } & { readonly [P in I]?: Row[P & keyof Row] }
  /** Default: 100; at most 1 000. */
  readonly limit?: number
}

/** Reads rows of a projection, with their keys. */
export type Rows<Row, I extends string> = {
  /** Gets the row of a key. Null: there is none, or it is parked. The answer says so, as it does for the two below. */
  readonly get: (key: string) => Promise<(Row & { readonly key: string }) | null>
  /** Lists rows by their indexes, by key or sorted, at most `limit`, without parked rows. */
  readonly list: (where?: RowWhere<Row, I>, by?: ListBy<Row, I>) => Promise<readonly (Row & { readonly key: string })[]>
  /** Counts rows, without parked rows. */
  readonly count: (where?: RowWhere<Row, I>) => Promise<number>
}

/** Gives access to the rows of a projection. The answer of a query depends on all that it reads this way. */
export type Read = <N extends string, Row, I extends string>(projection: Projection<N, Row, I>) => Rows<Row, I>

/** How long an answer may be kept, and by which caches. */
export type CachePolicy<P> = {
  /** How long an answer is fresh, unless a row that it depends on changes before. */
  readonly ttl: Duration
  /** How long a cache may still give a stale answer while a new one is made. Default: not at all. */
  readonly stale?: Duration
  /** How long an answer of null is fresh. Default: a tenth of `ttl`. */
  readonly negative?: Duration
  /**
   * Names for the answer, besides those of the rows that were read. `runtime.invalidate` makes the answers of a name
   * out of date, and purges them.
   */
  readonly tags?: (params: P) => readonly string[]
  /** Whether shared caches may keep the answer. Default: false, because an answer may be only for its caller. */
  readonly public?: boolean
}

/** The type with all its parts readonly. */
type Fixed<T> = T extends object ? { readonly [K in keyof T]: Fixed<T[K]> } : T

/** A query as the framework runs it. */
export type QuerySpec = {
  readonly kind: 'query'
  readonly name: string
  /** The projections that it reads. Null: it did not name them. */
  readonly from: ReadonlySet<string> | null
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
/** A named read. */
export type Query<N extends string, P, A, Parsed = P> = {
  readonly [spec]: QuerySpec & {
    readonly name: N
    readonly types?: { readonly params: P; readonly answer: A }
    /** What the schema of the parameters gives. */
    readonly parsed?: Parsed
  }
}

type QueryOptions<P extends z.ZodObject, Z extends z.ZodType, A extends Fixed<z.output<Z>>> = {
  /**
   * The projections that `run` reads. An app that does not serve them is refused as it starts, and `run` can read no
   * other. Default: any. The first read of a projection that is not served fails then, which over HTTP is a 500 with
   * a record.
   */
  readonly from?: One<AnyProjection>
  /** The schema of the parameters. The name `min-position` is taken, as every query has it. */
  readonly params: P
  /**
   * The schema of the answer, for OpenAPI. Outside of production every answer is checked against it. Default: none.
   */
  readonly answer?: Z
  /** How long an answer is kept, and by which caches. Default: it is not kept. */
  readonly cache?: CachePolicy<z.output<P>>
  /**
   * Makes the answer. It only reads, because it may run again when rows were not as new as asked for, and once for
   * several callers.
   */
  readonly run: (params: z.output<P>, read: Read) => Promise<A>
}

/**
 * Defines a named read: the schema of its parameters, how its answer is made of rows, and how long the answer may be
 * kept.
 *
 * An answer depends on all that `run` reads by `read(projection)`. A change to one of these rows, or to the result of
 * one of its lists, makes kept answers out of date at once, in every cache. An answer made of anything else lives as
 * long as its `ttl`.
 *
 * @example
 * const summary = query('order-summary', {
 *   params: z.object({ customerId: z.string() }),
 *   cache: { ttl: '5 minutes', tags: ({ customerId }) => [`customer:${customerId}`] },
 *   run: async ({ customerId }, read) => ({ orders: await read(orders).count({ customerId }) }),
 * })
 */
export function query<const N extends string, P extends z.ZodObject, Z extends z.ZodType, const A extends Fixed<z.output<Z>>>(
  name: DefinitionName<N, '-'>,
  options: QueryOptions<P, Z, A>,
): Query<N, z.input<P>, A, z.output<P>> {
  const where = `query('${name}')`
  checkDefinitionName(where, '-', name)
  checkOptions(where, options, OPTIONS)
  if (options.cache !== undefined) checkOptions(`${where}: cache`, options.cache, CACHE_OPTIONS)
  const { from, params, answer = null, cache, run } = options
  if (Object.hasOwn(params.shape, 'min-position'))
    throw new TypeError(`${where}: every query has a parameter min-position already; choose another name`)
  noteSecretFields(answer ? [params, answer] : [params])
  const definition: QuerySpec = {
    kind: 'query',
    name,
    from: from === undefined ? null : new Set([from].flat().map(projection => (projection as AnyProjection)[spec].name)),
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
    // `run` takes the output of `params`; inside, both are unknown.
    run: run as unknown as QuerySpec['run'],
  }
  return Object.freeze({ [spec]: definition }) as Query<N, z.input<P>, A, z.output<P>>
}

const OPTIONS: OptionKinds<keyof QueryOptions<z.ZodObject, z.ZodType, never>> = {
  from: 'projections?',
  params: 'schema',
  answer: 'schema?',
  cache: 'object?',
  run: 'function',
}
const CACHE_OPTIONS: OptionKinds<keyof CachePolicy<unknown>> = {
  ttl: 'any',
  stale: 'any?',
  negative: 'any?',
  tags: 'function?',
  public: 'boolean?',
}
