import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import { type AnyEvents, type Recorded, spec } from '../event/events.ts'
import { checkOptions } from '../options.ts'
import { type Families, familiesOf, type In, type One, type TypesByCategory } from '../event/families.ts'

/** The tools with which a SQL projection writes. */
export type Writing = {
  /** The database's own client inside the page's transaction: `bun:sqlite`'s Database, or postgres.js's transaction. */
  readonly sql: never
  /** Makes the name of a table of this version of the projection: `t('totals')` is `sql_report_v1_totals`. */
  readonly t: (table: string) => string
}

/** A SQL projection as the framework runs it. */
export type SqlProjectionSpec = {
  readonly kind: 'sql-projection'
  readonly name: string
  readonly version: number
  readonly families: Families
  readonly filter: TypesByCategory
  readonly create: (writing: Writing) => unknown
  readonly handle: (events: readonly Recorded[], writing: Writing) => unknown
}
/** A projection into tables of your own. */
export type SqlProjection<N extends string> = { readonly [spec]: SqlProjectionSpec & { readonly name: N } }

type SqlProjectionOptions<F extends AnyEvents, Sql> = {
  /** The family or families whose facts it gets. */
  readonly from: One<F>
  /**
   * Makes the tables, in the transaction of the first events. It begins with `drop table if exists`, because a reset
   * runs it again.
   */
  readonly create: (writing: { readonly sql: Sql; readonly t: Writing['t'] }) => unknown
  /**
   * A function `(events, { sql, t })`, with a page of events. On SQLite it is synchronous. An event on which it
   * throws parks its stream.
   */
  readonly handle: (events: readonly Recorded<In<F>>[], writing: { readonly sql: Sql; readonly t: Writing['t'] }) => unknown
  /** Raise it when either changes, and `t` names other tables. Default: 1. */
  readonly version?: number
}

/**
 * A projection into tables of your own, where rows by key are not enough. The writes of `handle` and the checkpoint are
 * one transaction, so each event counts once.
 *
 * @example
 * sqlProjection('report', {
 *   from: Order,
 *   create: ({ sql, t }) => sql.run(`create table ${t('days')} (day text primary key, orders integer not null)`),
 *   handle: (events, { sql, t }) => …,
 * })
 */
export function sqlProjection<const N extends string, F extends AnyEvents, Sql = never>(
  name: DefinitionName<N, '-'>,
  options: SqlProjectionOptions<F, Sql>,
): SqlProjection<N> {
  const where = `sqlProjection('${name}')`
  checkDefinitionName(where, '-', name)
  checkOptions(where, options, { from: 'families', create: 'function', handle: 'function', version: 'number?' })
  const { version = 1, create, handle } = options
  const families = familiesOf(where, options.from)
  const definition: SqlProjectionSpec = {
    kind: 'sql-projection',
    name,
    version,
    families,
    filter: new Map([...families.keys()].map(category => [category, null])),
    create: create as SqlProjectionSpec['create'],
    // The events are those of `from`, and the client is that of the store.
    handle: handle as unknown as SqlProjectionSpec['handle'],
  }
  return Object.freeze({ [spec]: definition }) as SqlProjection<N>
}

/** The name of a SQL projection's subscription, with which its tables' names begin. */
export function subscriptionOf({ name, version }: SqlProjectionSpec): string {
  return `sql_${name.replaceAll('-', '_')}_v${version}`
}

/** PostgreSQL cuts a longer name without an error, in bytes. */
const TABLE_NAME_MAX = 63

/** The name of a table of a SQL projection. Throws a TypeError if it would be cut. */
export function sqlTableName(subscription: string, table: string): string {
  const name = `${subscription}_${table}`
  const length = Buffer.byteLength(name)
  if (length > TABLE_NAME_MAX)
    throw new TypeError(`t('${table}'): ${name} has ${length} bytes, and a table's name at most ${TABLE_NAME_MAX}`)
  return name
}
