import { noteSecretFields } from '../secret-fields.ts'
import type { z } from 'zod'
import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import { type AnyEvents, type Recorded, spec } from '../event/events.ts'
import {
  type ByEvent,
  byEvent,
  type Families,
  type OnlyFolds,
  familiesOf,
  type In,
  type Keys,
  type NameOf,
  type On,
  type One,
  type Only,
  storedTypes,
  type TypesByCategory,
} from '../event/families.ts'
import type { FingerprintPart } from '../event/fingerprints.ts'
import { freezeAll } from '../event/payload.ts'
import { findUnstable } from '../event/schema.ts'
import { checkOptions, type OptionKinds } from '../options.ts'
import { kindsOf, propertiesOf } from './row-fields.ts'

/** A projection, with the types of its rows and indexes. */
export type Projection<N extends string, Row, I extends string = never> = {
  readonly [spec]: ProjectionSpec & { readonly name: N; readonly types?: { readonly row: Row; readonly index: I } }
}
/** Any projection. */
export type AnyProjection = { readonly [spec]: ProjectionSpec }

/** A projection as the framework runs it. */
export type ProjectionSpec = {
  readonly kind: 'projection'
  readonly name: string
  readonly version: number
  readonly row: z.ZodType
  readonly initial: unknown
  readonly indexes: readonly { readonly field: string; readonly kind: 'text' | 'number' }[]
  readonly families: Families
  readonly evolve: ByEvent<(row: unknown, data: unknown, event: Recorded, key: string) => unknown>
  readonly key: ByEvent<(data: unknown, event: Recorded) => One<string>>
  readonly filter: TypesByCategory
  readonly previous: ProjectionSpec | null
  /** Whether the previous version is served as it is, without further folding. */
  readonly frozen: boolean
  readonly live: boolean
  /** Whether appends write its rows. */
  readonly inline: boolean
  /** Whether its folds read the type before an event in its stream. Absent: they do not. */
  readonly readsFollows?: true
  /** The rows of a measure: the user's part of its folds and keys. Nobody waits for such rows. Absent: a projection. */
  readonly measured?: FingerprintPart
}

/** Names that no index may have, because lists and routes use them. */
const FIELDS_RESERVED = ['key', 'limit', 'cursor', 'sort', 'count', 'min-position']

type ProjectionOptions<
  F extends AnyEvents,
  Row extends object,
  E extends On<In<F>, Row, Row | null>,
  K extends Keys<In<F>>,
  I extends keyof Row & string,
> = {
  /** The family or families whose facts it folds. */
  readonly from: One<F>
  /** The schema of a row, whose fields JSON can hold. Filters, OpenAPI and types come from it. */
  readonly row: z.ZodType<Row>
  /** The row over which a key's first fact is folded. */
  readonly initial: NoInfer<Row>
  /**
   * Fields by which lists can be filtered and sorted: text, number, boolean or one of some, or null. Default: none.
   */
  readonly indexes?: readonly I[]
  /**
   * For some of the facts, a function that gives the key or the keys of the rows they change. Default: the instance
   * of the fact's stream.
   */
  readonly key?: K & NoInfer<Only<K, NameOf<In<F>>>>
  /**
   * For some of the facts a function `(row, data, event, key) => row`; `null` deletes the row. Other facts are not
   * read. A field that the schema does not have does not compile. Outside of production one that comes by a cast is
   * reported (`field-lost`), because it is not stored. A fold that needs no row is written `_ => …`: without a parameter
   * TypeScript takes its literals for any text.
   */
  readonly evolve: E & NoInfer<OnlyFolds<E, NameOf<In<F>>, Row>>
  /** Raise it when `evolve`, `key` or `row` change. The new version fills rows of its own. Default: 1. */
  readonly version?: number
  /** The version before. It goes on serving and folding until this one has caught up. Default: none. */
  readonly previous?: AnyProjection
  /**
   * The rows of `previous` serve as they are, without further folding. It helps when the old folds can no longer run,
   * or cost too much. Answers say that their rows are frozen, and a caller who asks for a later position is refused.
   * Default: false.
   */
  readonly frozen?: boolean
  /**
   * Keeps no rows, and folds the stream of one instance when its row is asked for. It can only be got by key, and has
   * no `key`. Default: false.
   */
  readonly live?: boolean
  /**
   * Writes the row in the transaction that appends its event. The row is that of the event's instance, so there is one
   * family and no `key`. A fold that reads `position` or `at` of its event, throws, or deletes its row, is done by the
   * subscription a moment later. Default: false.
   */
  readonly inline?: boolean
}

/**
 * Folds the log into rows, by key.
 *
 * @example
 * const orders = projection('orders', {
 *   from: Order,
 *   row: z.object({ customerId: z.string(), status: z.enum(['placed', 'shipped']) }),
 *   initial: { customerId: '', status: 'placed' },
 *   indexes: ['customerId', 'status'],
 *   evolve: { Placed: (row, { customerId }) => ({ ...row, customerId }), Shipped: row => ({ ...row, status: 'shipped' }) },
 * })
 */
export function projection<
  const N extends string,
  F extends AnyEvents,
  Row extends object,
  E extends On<In<F>, Row, Row | null>,
  K extends Keys<In<F>>,
  const I extends keyof Row & string = never,
>(name: DefinitionName<N, '-'>, options: ProjectionOptions<F, Row, E, K, I>): Projection<N, Row, I> {
  const where = `projection('${name}')`
  checkOptions(where, options, OPTIONS)
  const { row, initial, indexes = [], version = 1, previous, frozen = false, live = false, inline = false } = options
  checkDefinitionName(where, '-', name)
  if (!(Number.isSafeInteger(version) && version >= 1 && version < 100_000))
    throw new TypeError(`${where}: expected a version from 1 to 99999, found ${version}`)
  const found = findUnstable(row)
  if (found) throw new TypeError(`${where}: rows are kept as JSON, but its schema at ${found}`)
  if (Object.hasOwn(propertiesOf(row), 'key'))
    throw new TypeError(`${where}: its row has a field key, which is the name for the key of a row; choose another name`)
  noteSecretFields([row])
  const families = familiesOf(where, options.from)
  const evolve = byEvent<(row: unknown, data: unknown, event: Recorded, key: string) => unknown>(
    `${where}.evolve`,
    families,
    options.evolve,
  )
  const key = byEvent<(data: unknown, event: Recorded) => One<string>>(`${where}.key`, families, options.key)
  if (live && (key.size || indexes.length || previous || families.size > 1))
    throw new TypeError(
      `${where}: a live projection folds one instance's stream; it has one family, and no key, indexes or previous`,
    )
  if (inline && (key.size || live || frozen || families.size > 1))
    throw new TypeError(
      `${where}: an inline projection folds one instance's stream into its row; it has one family, and no key, live or frozen`,
    )
  const before = previous?.[spec] ?? null
  if (before && (before.name !== name || before.version >= version))
    throw new TypeError(`${where}: previous is ${before.name} version ${before.version}, which is not before version ${version}`)
  if (frozen && !before) throw new TypeError(`${where}: frozen needs a previous version`)
  const definition: ProjectionSpec = {
    kind: 'projection',
    name,
    version,
    row,
    initial: freezeAll(initial),
    indexes: indexes.map(field => ({ field, kind: kindOf(where, row, field) })),
    families,
    evolve,
    key,
    filter: storedTypes(families, evolve),
    previous: before,
    frozen,
    live,
    inline,
  }
  const names = indexes.map(field => field.toLowerCase())
  if (new Set(names).size !== names.length) throw new TypeError(`${where}: two indexes differ only in capitals`)
  // Only types know row and index.
  return Object.freeze({ [spec]: definition }) as Projection<N, Row, I>
}

const OPTIONS: OptionKinds<keyof ProjectionOptions<AnyEvents, object, never, never, never>> = {
  from: 'families',
  row: 'schema',
  initial: 'object',
  indexes: 'texts?',
  key: 'functions?',
  evolve: 'functions',
  version: 'number?',
  previous: 'projections?',
  frozen: 'boolean?',
  live: 'boolean?',
  inline: 'boolean?',
}

/** The name of a projection's table, and of the subscription that fills it. */
export function tableOf({ name, version }: ProjectionSpec): string {
  return `${name.replaceAll('-', '_')}_v${version}`
}

/** The projection of a table of any version: its name, with `_` for `-`. */
export function projectionOf(table: string): string {
  return table.replace(/_v\d+(_g\d+)?$/, '')
}

/**
 * The kind of a field that is an index: text or number, or null. Throws a TypeError for any other, which has no order
 * for a list.
 */
function kindOf(where: string, row: z.ZodType, field: string): 'text' | 'number' {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,50}$/.test(field) || FIELDS_RESERVED.includes(field))
    throw new TypeError(`${where}: ${field} cannot be the name of an index`)
  const shape = propertiesOf(row)[field]
  const kinds = new Set(shape ? kindsOf(shape) : ['nothing'])
  kinds.delete('null')
  const [kind] = kinds
  if (kinds.size === 1 && kind === 'string') return 'text'
  if (kinds.size === 1 && (kind === 'number' || kind === 'boolean')) return 'number'
  throw new TypeError(`${where}: the index ${field} is neither text nor number nor boolean, but ${[...kinds].join(' or ')}`)
}
