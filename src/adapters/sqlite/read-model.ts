// Read models in the file of the log, on its one connection: nothing is awaited between BEGIN IMMEDIATE and COMMIT.
import type { Database, SQLQueryBindings } from 'bun:sqlite'
import { checkList, checkPageInTurns, checkSame, checkTable } from '../../ports/read-model/check.ts'
import type { RowFilter } from '../../ports/read-model/filter.ts'
import { type Condition, columnOf, conditions, planListing } from '../../ports/read-model/listing.ts'
import type { Lease, Suspect } from '../../ports/read-model/leases.ts'
import type { Parked, ParkedCount } from '../../ports/read-model/parked.ts'
import type { NewPage, Progress } from '../../ports/read-model/progress.ts'
import type { ReadModel } from '../../ports/read-model/read-model.ts'
import type { ReadResult, ListOptions, RowResult, SkipParked, StoredRow } from '../../ports/read-model/rows.ts'
import { isStorable } from '../../ports/read-model/storable.ts'
import { readTally, type TallyRow, tallyText } from '../../ports/read-model/tally.ts'
import type { Table } from '../../ports/read-model/tables.ts'
import { instant } from '../../ports/store/instant.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { pageError } from './errors.ts'
import type { PageCommits } from './page-commits.ts'
import { withoutSync } from './page-group.ts'
import { keepSentKeys } from './sent-keys.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncReadModel = Omit<Sync<ReadModel>, 'commit'> & {
  /** The tables that were prepared. */
  readonly prepared: ReadonlyMap<string, Table>
  /** The table of a page. Throws inside a transaction of the caller. */
  readonly tableOf: (page: NewPage) => Table | null
}

/** A read model whose calls run when the file is free. */
export function sqliteReadModel(whenFree: <T>(run: (now: SyncReadModel) => T) => Promise<T>, commits: PageCommits): ReadModel {
  async function commit(page: NewPage): Promise<boolean> {
    const table = await whenFree(now => now.tableOf(page))
    await checkPageInTurns(page, table)
    return commits.commit(page)
  }
  return {
    prepare: tables => whenFree(now => now.prepare(tables)),
    drop: name => whenFree(now => now.drop(name)),
    tables: () => whenFree(now => now.tables()),
    acquire: (name, options) => whenFree(now => now.acquire(name, options)),
    renew: (name, epoch, ttlMs) => whenFree(now => now.renew(name, epoch, ttlMs)),
    release: (name, epoch) => whenFree(now => now.release(name, epoch)),
    leases: () => whenFree(now => now.leases()),
    suspect: (name, epoch, suspect) => whenFree(now => now.suspect(name, epoch, suspect)),
    commit: page =>
      commit(page).catch(error => {
        throw pageError(error)
      }),
    progress: names => whenFree(now => now.progress(names)),
    reset: (name, position) => whenFree(now => now.reset(name, position)),
    rows: (table, keys) => whenFree(now => now.rows(table, keys)),
    get: (table, key, streams) => whenFree(now => now.get(table, key, streams)),
    list: (table, options) => whenFree(now => now.list(table, options)),
    count: (table, where, options) => whenFree(now => now.count(table, where, options)),
    tally: (table, options) => whenFree(now => now.tally(table, options)),
    parked: name => whenFree(now => now.parked(name)),
    parkedCounts: () => whenFree(now => now.parkedCounts()),
    unpark: (name, key, again) => whenFree(now => now.unpark(name, key, again)),
    serving: projection => whenFree(now => now.serving(projection)),
    serve: (projection, name) => whenFree(now => now.serve(projection, name)),
    fingerprints: name => whenFree(now => now.fingerprints(name)),
    setFingerprints: (name, found) => whenFree(now => now.setFingerprints(name, found)),
  }
}

export function syncReadModel(db: Database, statements: Statements, now: () => number): SyncReadModel {
  const prepared = new Map<string, Table>()
  const all = <R>(sql: string, ...values: SQLQueryBindings[]) => statements.get<R>(sql).all(...values)
  const one = <R>(sql: string, ...values: SQLQueryBindings[]) => statements.get<R>(sql).get(...values)
  const change = (sql: string, ...values: SQLQueryBindings[]) => statements.get(sql).run(...values).changes
  const outside =
    <A extends unknown[], T>(run: (...options: A) => T) =>
    (...options: A): T => {
      if (db.inTransaction) throw new StoreError('refused', 'a read model is written inside a transaction of the caller')
      return run(...options)
    }
  /** Makes a function that runs as one writing transaction. */
  const writing = <A extends unknown[], T>(run: (...options: A) => T) => outside(db.transaction(run).immediate)

  const position = (name: string) =>
    one<{ position: number }>('select position from checkpoints where name = ?', name)?.position ?? 0
  const tableThere = (name: string) => one<{ indexes: string }>('select indexes from row_tables where name = ?', name)

  function prepare(table: Table): void {
    const { name, indexes } = table
    const found = tableThere(name)
    if (found) checkSame({ name, indexes: JSON.parse(found.indexes) as Table['indexes'] }, table)
    else {
      // A row has both a rowid and its key. Without a rowid, lists are a third slower and writes are no faster.
      const columns = indexes.map(({ field, kind }) => `, "${columnOf(field)}" ${kind === 'number' ? 'real' : 'text'}`)
      db.run(
        `create table "rows_${name}" (key text primary key, position integer not null, data text not null${columns.join('')}) strict`,
      )
      for (const [i, { field }] of indexes.entries())
        db.run(`create index "rows_${name}_${i + 1}" on "rows_${name}" ("${columnOf(field)}", key)`)
      change('insert into row_tables values (?, ?)', name, JSON.stringify(indexes))
    }
    prepared.set(name, table)
  }

  function acquire(name: string, { owner, ttlMs, start }: Parameters<ReadModel['acquire']>[1]): Lease | null {
    const last = one<SqliteLeaseRow>('select * from leases where name = ?', name)
    if (last?.owner && last.owner !== owner && last.until > now()) return null
    const checkpoint = one<{ position: number; epoch: number }>('select position, epoch from checkpoints where name = ?', name)
    const position = checkpoint?.position ?? start
    const epoch = Math.max(checkpoint?.epoch ?? 0, last?.epoch ?? 0) + 1
    if (!checkpoint) change('insert or replace into starts values (?, ?)', name, start)
    const takeovers = last?.owner && last.position === position ? last.takeovers + Number(last.owner !== owner) : 0
    change(
      'insert into checkpoints values (?, ?, ?, ?) on conflict (name) do update set epoch = excluded.epoch',
      ...[name, position, epoch, now()],
    )
    change(
      `insert into leases (name, epoch, owner, until, position, takeovers) values (?, ?, ?, ?, ?, ?) on conflict (name) do update
       set epoch = excluded.epoch, owner = excluded.owner, until = excluded.until, position = excluded.position, takeovers = excluded.takeovers`,
      ...[name, epoch, owner, now() + ttlMs, position, takeovers],
    )
    const isTakeover = Boolean(last?.owner) && last?.owner !== owner
    return { name, epoch, position, isTakeover, takeovers, suspect: suspectOf(last) }
  }

  /** Does not wait for the disk: a loss of power ends all owners. */
  const changeLease = (set: string, ...values: SQLQueryBindings[]) =>
    withoutSync(db, () => change(`update leases set ${set} where name = ? and epoch = ? and owner is not null`, ...values) > 0)

  /** Ends the current lease. No later lease has its epoch. */
  function fence(name: string): number {
    const found = one<{ epoch: number }>(
      'select max(epoch) + 1 as epoch from (select epoch from checkpoints where name = ?1 union all select epoch from leases where name = ?1 union all select 0)',
      name,
    )!
    change('insert or replace into leases values (?, ?, null, 0, 0, 0, null, null, 1)', name, found.epoch)
    change('delete from parked where name = ?', name)
    return found.epoch
  }

  function drop(name: string): void {
    fence(name)
    change('delete from checkpoints where name = ?', name)
    change('delete from starts where name = ?', name)
    change('delete from serving where name = ?', name)
    if (change('delete from row_tables where name = ?', name)) db.run(`drop table "rows_${name}"`)
    prepared.delete(name)
  }

  function reset(name: string, position: number): void {
    change('insert or replace into checkpoints values (?, ?, ?, ?)', name, position, fence(name), now())
    keepSentKeys(statements, name, position, now())
    if (tableThere(name)) change(`delete from "rows_${name}"`)
  }

  /** The lowest position at which something of a table is parked, by a condition on what is parked. */
  const lowest = (name: string, condition: string, ...values: SQLQueryBindings[]) =>
    one<{ position: number | null }>(
      `select min(position) as position from parked where name = ? and ${condition}`,
      name,
      ...values,
    )!.position
  /** Reads rows, the checkpoint and parked keys in one snapshot. */
  const found = db.transaction(
    <T>(name: string, read: () => T): ReadResult<T> => ({
      found: read(),
      position: position(name),
      parked: lowest(name, 'true'),
    }),
  )
  const foundRow = db.transaction((name: string, key: string, streams: readonly string[]): RowResult => {
    const own = JSON.stringify(streams.filter(isStorable))
    const isOwn = "(kind = 'stream' and key in (select value from json_each(?)))"
    return {
      found: one<StoredRow>(`select ${COLUMNS} ${from(name)} where r.key = ?`, storable(key)),
      position: position(name),
      parked: lowest(name, `((kind = 'key' and key = ?) or ${isOwn})`, storable(key), own),
      parkedStream: lowest(name, `kind = 'stream' and not ${isOwn}`, own),
    }
  })

  const from = (name: string, indexed = '') =>
    `from "rows_${name}" r ${indexed} left join parked p on p.name = '${name}' and p.kind = 'key' and p.key = r.key`
  const COLUMNS = 'r.key, r.position, r.data, p.position as parked'

  function list(table: Table, { limit, skipsParked = false, ...options }: ListOptions): readonly StoredRow[] {
    const { order, parts } = planListing(options)
    const ordered = order.map(({ column, descending }) => `r."${column}"${descending ? ' desc' : ''}`).join(', ')
    const rows: StoredRow[] = []
    for (const part of parts) {
      if (rows.length === limit) break
      const sql = `select ${COLUMNS} ${from(table.name, indexOfOrder(table, options))} ${whereOf(part, skipsParked ? ['p.key is null'] : [])} order by ${ordered} limit ?`
      rows.push(...all<StoredRow>(sql, ...valuesOf(part), limit - rows.length))
    }
    return rows
  }

  function count({ name }: Table, where: RowFilter, { skipsParked = false }: SkipParked = {}): number {
    const asked = conditions(where)
    const countRows = (...more: readonly string[]) =>
      one<{ many: number }>(`select count(*) as many from "rows_${name}" r ${whereOf(asked, more)}`, ...valuesOf(asked))!.many
    // Few rows are parked, so it costs less to count them than to look for each row whether it is.
    const parked = `r.key in (select key from parked where name = '${name}' and kind = 'key')`
    return countRows() - (skipsParked ? countRows(parked) : 0)
  }

  function serve(projection: string, name: string): boolean {
    const current = one<{ name: string }>('select name from serving where projection = ?', projection)
    if (current && position(name) < position(current.name)) return false
    change('insert or replace into serving values (?, ?)', projection, name)
    return true
  }

  const prepareAll = writing((tables: readonly Table[]) => tables.forEach(prepare))
  return {
    prepared,
    tableOf: outside(({ table, name }: NewPage) => prepared.get(table ?? name) ?? null),
    prepare: tables => {
      tables.forEach(checkTable)
      prepareAll(tables)
    },
    drop: writing(drop),
    tables: () => all<{ name: string }>('select name from row_tables order by name').map(({ name }) => name),
    acquire: writing(acquire),
    leases: () => all('select name, owner, epoch, until - ? as leftMs from leases where owner is not null order by name', now()),
    renew: (name, epoch, ttlMs) => changeLease('until = ?', now() + ttlMs, name, epoch),
    release: (name, epoch) => {
      changeLease('owner = null, suspect_position = null, suspect_key = null', name, epoch)
    },
    suspect: (name, epoch, suspect) =>
      changeLease(
        'suspect_position = ?, suspect_key = ?, suspect_times = ?',
        ...[suspect?.position ?? null, suspect?.key ?? null, suspect?.times ?? 1, name, epoch],
      ),
    progress: names => {
      const wanted = names ? 'where c.name in (select value from json_each(?))' : ''
      return all<Omit<Progress, 'savedAt'> & { readonly savedAt: number }>(
        `select c.name, c.position, coalesce(s.position, 0) as start, c.epoch, c.saved_at as savedAt
         from checkpoints c left join starts s using (name) ${wanted} order by c.name`,
        ...(names ? [JSON.stringify(names)] : []),
      ).map(progress => ({ ...progress, savedAt: instant(progress.savedAt) }))
    },
    reset: writing(reset),
    rows: ({ name }, keys) =>
      all<StoredRow>(
        `select ${COLUMNS} ${from(name)} where r.key in (select value from json_each(?))`,
        JSON.stringify(keys.filter(isStorable)),
      ),
    get: ({ name }, key, streams = []) => foundRow(name, key, streams) as RowResult,
    list: (table, options) => {
      checkList(table, options)
      return found(table.name, () => list(table, options)) as ReadResult<readonly StoredRow[]>
    },
    count: (table, where, options) => {
      checkList(table, { where, sort: [], after: null })
      return found(table.name, () => count(table, where, options)) as ReadResult<number>
    },
    tally: (table, options) => {
      const text = tallyText(table, options, `"rows_${table.name}"`)
      return readTally(all<TallyRow>(text, options.after ?? '', options.limit), options)
    },
    parked: name =>
      all<Omit<Parked, 'at' | 'again'> & { readonly at: number; readonly again: Parked['again'] }>(
        `select name, kind, key, position, cause, at, again, reader from parked ${name === undefined ? '' : 'where name = ?'} order by name, position, key`,
        ...(name === undefined ? [] : [name]),
      ).map(one => ({ ...one, at: instant(one.at) })),
    parkedCounts: () =>
      all<ParkedCount>(
        `select name, count(*) filter (where kind = 'key' and again is null) as keys,
           count(*) filter (where kind = 'stream' and again is null) as streams, count(again) as retrying
         from parked group by name order by name`,
      ),
    unpark: (name, key, again = 'whole') =>
      key === undefined
        ? change('update parked set again = ?, at = ? where name = ?', again, now(), name)
        : change('update parked set again = ?, at = ? where name = ? and key = ?', again, now(), name, key),
    serving: projection => one<{ name: string }>('select name from serving where projection = ?', projection)?.name ?? null,
    serve: writing(serve),
    fingerprints: name => {
      const found = one<{ found: string }>('select found from fingerprints where name = ?', name)
      return found ? (JSON.parse(found.found) as readonly string[]) : []
    },
    setFingerprints: (name, found) => {
      change('insert or replace into fingerprints values (?, ?)', name, JSON.stringify(found))
    },
  }
}

type SqliteLeaseRow = {
  readonly epoch: number
  readonly owner: string | null
  readonly until: number
  readonly position: number
  readonly takeovers: number
  readonly suspect_position: number | null
  readonly suspect_key: string | null
  readonly suspect_times: number
}

function suspectOf(lease: SqliteLeaseRow | null): Suspect | null {
  if (lease === null || lease.suspect_position === null) return null
  return { position: lease.suspect_position, key: lease.suspect_key, times: lease.suspect_times }
}

/**
 * The index by which an order of several fields is read. SQLite would read the whole table and sort it, as no index has
 * the whole order. Empty: it finds an index by itself, such as that of another condition.
 */
function indexOfOrder({ name, indexes }: Table, { where, sort }: Pick<ListOptions, 'where' | 'sort'>): string {
  const [first, second] = sort
  if (!first || !second || where.some(({ field }) => field !== first.field)) return ''
  return `indexed by "rows_${name}_${indexes.findIndex(({ field }) => field === first.field) + 1}"`
}

function whereOf(asked: readonly Condition[], more: readonly string[] = []): string {
  const all = [...asked.map(sqlOf), ...more]
  return all.length ? `where ${all.join(' and ')}` : ''
}

function sqlOf(condition: Condition): string {
  switch (condition.is) {
    case 'equal':
      return `r."${condition.column}" = ?`
    case 'one of': {
      const places = padValues(condition.values).map(() => '?')
      return `(r."${condition.column}" in (${places.join(', ')})${condition.orNull ? ` or r."${condition.column}" is null` : ''})`
    }
    case 'null':
    case 'not null':
      return `r."${condition.column}" is ${condition.is}`
    default: {
      const columns = condition.columns.map(column => `r."${column}"`)
      return `(${columns.join(', ')}) ${condition.is} (${columns.map(() => '?').join(', ')})`
    }
  }
}

function valuesOf(asked: readonly Condition[]): readonly (string | number | null)[] {
  return asked.flatMap(condition => {
    if (condition.is === 'equal') return storable(condition.value)
    if (condition.is === 'one of') return padValues(condition.values).map(storable)
    return 'values' in condition ? condition.values.map(storable) : []
  })
}

/** Repeats the last value up to a power of two, so that few statements serve all numbers of values. */
function padValues(values: readonly (string | number)[]): readonly (string | number)[] {
  const many = values.length && 2 ** Math.ceil(Math.log2(values.length))
  return Array.from({ length: many }, (_, i) => values[i] ?? values.at(-1)!)
}

/** Null for a text that no table can store, so that nothing is found. */
function storable<V extends string | number>(value: V): V | null {
  return typeof value === 'number' || isStorable(value) ? value : null
}
