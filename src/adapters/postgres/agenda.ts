// The agenda in the schema of the log.
import type { Agenda, DueEntries, Ended, AgendaEntry, NewAgenda, NewEntry } from '../../ports/agenda/agenda.ts'
import { checkEntry } from '../../ports/agenda/check.ts'
import type { Part } from './page.ts'
import type { Pool } from './pool.ts'
import { query, type QueryValue, type SqlValues } from './query.ts'
import { list, texts } from './text.ts'

export type AgendaOptions = { readonly schema: string; readonly pool: () => Pool }

const COLUMNS = 'id, owner, key, timer, command, meta, due, at_position, made_at, begun, outcome, ended_at'

export class PostgresAgenda implements Agenda {
  readonly #schema: string
  readonly #pool: () => Pool

  constructor({ schema, pool }: AgendaOptions) {
    this.#schema = schema
    this.#pool = pool
  }

  async schedule(entry: NewEntry): Promise<AgendaEntry> {
    checkEntry(entry)
    const { id, owner, key, timer, command, meta, due, set } = entry
    const [row] = await this.#run<PostgresAgendaRow>(
      `with added as (
        insert into ${this.#table} as a (id, owner, key, timer, command, meta, due, at_position, made_at)
        values ($1, $2, $3, $4, $5, $6, case when $7::float8 = 0 then clock_timestamp() else to_timestamp($7::float8 / 1000) end, $8, clock_timestamp())
        on conflict (id) do nothing
        returning ${COLUMNS}
      )
      select * from added
      union all
      select ${COLUMNS} from ${this.#table} where id = $1
      limit 1`,
      [id, owner, key, timer, command, meta, due, set],
    )
    // The entry was added at the same moment, and is committed by now. If it was removed since, it is added again.
    return row ? entryOf(row) : this.schedule(entry)
  }

  async due(owner: string, limit: number): Promise<DueEntries> {
    const rows = await this.#run<Partial<PostgresDueRow> & { readonly now: number }>(
      `select ${COLUMNS}, due <= n.now as is_due, ceil(date_part('epoch', due) * 1000) as due_ms,
        round(date_part('epoch', n.now) * 1000) as now
      from (select clock_timestamp() as now) n
      left join lateral (
        select * from ${this.#table} where owner = $1 and ended_at is null order by due, seq limit $2
      ) a on true
      order by due, seq`,
      [owner, limit + 1],
    )
    // Without an entry there is still one row, with the time.
    const found = rows.filter((row): row is PostgresDueRow & { readonly now: number } => row.id !== null)
    const taken = found.filter(({ is_due }) => is_due).slice(0, limit)
    return { entries: taken.map(entryOf), next: found[taken.length]?.due_ms ?? null, now: rows[0]!.now }
  }

  async begin(ids: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#runCustom<{ id: string }>(
      `update ${this.#table} set begun = true where id = any ($1::text[]) and ended_at is null returning id`,
      [texts(ids)],
    )
    return rows.map(({ id }) => id)
  }

  /**
   * Does not wait for the disk: if a crash of the server loses this, the entry is sent again, which has no second
   * effect.
   */
  async done(entries: readonly Pick<AgendaEntry, 'id' | 'set'>[]): Promise<void> {
    await this.#runCustom(
      `with ${ASYNC} delete from ${this.#table} a
      using unnest($1::text[], $2::bigint[]) e(id, at_position)
      where a.id = e.id and a.at_position = e.at_position and (select true from async)`,
      [texts(entries.map(({ id }) => id)), list(entries.map(({ set }) => set))],
    )
  }

  async end(ended: readonly Ended[]): Promise<void> {
    await this.#runCustom(
      `update ${this.#table} a set outcome = e.outcome, ended_at = clock_timestamp()
      from unnest($1::text[], $2::text[]) e(id, outcome) where a.id = e.id`,
      [texts(ended.map(({ id }) => id)), texts(ended.map(({ outcome }) => outcome))],
    )
  }

  async find(id: string): Promise<AgendaEntry | null> {
    const [row] = await this.#run<PostgresAgendaRow>(`select ${COLUMNS} from ${this.#table} where id = $1`, [id])
    return row ? entryOf(row) : null
  }

  async remove(id: string): Promise<boolean> {
    const rows = await this.#runCustom(
      `delete from ${this.#table} where id = $1 and not begun and ended_at is null returning true`,
      [id],
    )
    return rows.length > 0
  }

  async list({ owner, key, timers, limit }: Parameters<Agenda['list']>[0]): Promise<readonly AgendaEntry[]> {
    const rows = await this.#run<PostgresAgendaRow>(
      `select ${COLUMNS} from ${this.#table}
      where ended_at is null and ($1::text is null or owner = $1) and ($2::text is null or key = $2)
        and ($3::boolean is null or (timer is not null) = $3)
      order by due, seq limit $4`,
      [owner ?? null, key ?? null, timers ?? null, limit],
    )
    return rows.map(entryOf)
  }

  count(): ReturnType<Agenda['count']> {
    return this.#run(
      `select owner, count(*) as pending, count(timer) as timers, count(*) filter (where due <= clock_timestamp()) as due
      from ${this.#table} where ended_at is null group by owner order by owner`,
      [],
    )
  }

  async renewKeys(owner: string, keepMs: number): Promise<void> {
    await this.#run(`select ${this.#schema}.renew_keys_v1($1, $2)`, [owner, keepMs])
  }

  async forget(keepMs: number): Promise<number> {
    const rows = await this.#runCustom(
      `delete from ${this.#table} where ended_at <= statement_timestamp() - $1 * interval '1 millisecond' returning true`,
      [keepMs],
    )
    return rows.length
  }

  get #table(): string {
    return `${this.#schema}.agenda`
  }

  #run<R extends object>(text: string, values: readonly QueryValue[]): Promise<readonly R[]> {
    return this.#pool().run(sql => query<R>(sql, text, values))
  }

  /** The agenda may grow from nothing within a second, and a plan that was made before would read all of it. */
  #runCustom<R extends object>(text: string, values: readonly QueryValue[]): Promise<readonly R[]> {
    return this.#pool().run(sql => query<R>(sql, text, values, { custom: true }))
  }
}

const ASYNC = `async as materialized (select set_config('synchronous_commit', 'off', true))`

type PostgresAgendaRow = Omit<AgendaEntry, 'due' | 'madeAt' | 'endedAt' | 'set' | 'hasBegun'> & {
  readonly begun: boolean
  readonly due: Date
  readonly made_at: Date
  readonly ended_at: Date | null
  readonly at_position: number
}

type PostgresDueRow = PostgresAgendaRow & { readonly is_due: boolean; readonly due_ms: number }

function entryOf({
  id,
  owner,
  key,
  timer,
  command,
  meta,
  outcome,
  due,
  made_at,
  ended_at,
  at_position,
  begun,
}: PostgresAgendaRow): AgendaEntry {
  const [dueAt, madeAt, endedAt] = [due.toISOString(), made_at.toISOString(), ended_at?.toISOString() ?? null]
  return { id, owner, key, timer, command, meta, due: dueAt, set: at_position, madeAt, outcome, endedAt, hasBegun: begun }
}

/** The parts of a statement that add entries of a page to the agenda, and remove entries. */
export function agendaParts(schema: string, { add, remove }: NewAgenda): readonly Part[] {
  return [...(remove.length ? [removePart(schema, remove)] : []), ...(add.length ? [addPart(schema, add)] : [])]
}

function removePart(schema: string, ids: readonly string[]): Part {
  return (values, holds) => `delete from ${schema}.agenda where id = any (${values.add(texts(ids))}::text[]) and ${holds}`
}

function addPart(schema: string, entries: readonly NewEntry[]): Part {
  return (values, holds) => `insert into ${schema}.agenda (id, owner, key, timer, command, meta, due, at_position, made_at)
    select n.id, n.owner, n.key, nullif(n.timer, ''), nullif(n.command, ''), n.meta,
      case when n.due = 0 then clock_timestamp() else to_timestamp(n.due / 1000) end, n.at_position, clock_timestamp()
    from rows from (${listsOf(entries, values).join(', ')}) n(id, owner, key, timer, command, meta, due, at_position)
    where ${holds}
    on conflict (id) do update
    set key = excluded.key, command = excluded.command, meta = excluded.meta, due = excluded.due, at_position = excluded.at_position,
      made_at = excluded.made_at`
}

function listsOf(entries: readonly NewEntry[], values: SqlValues): readonly string[] {
  // JSON text has no line feed.
  const lines = (of: (entry: NewEntry) => string) => `unnest(string_to_array(${values.add(entries.map(of).join('\n'))}, e'\\n'))`
  const listed = (of: (entry: NewEntry) => string) => `unnest(${values.add(texts(entries.map(of)))}::text[])`
  const numbers = (of: (entry: NewEntry) => number, type: string) => `unnest(${values.add(list(entries.map(of)))}::${type}[])`
  return [
    listed(({ id }) => id),
    listed(({ owner }) => owner),
    listed(({ key }) => key),
    listed(({ timer }) => timer ?? ''),
    lines(({ command }) => command ?? ''),
    lines(({ meta }) => meta),
    numbers(({ due }) => due, 'float8'),
    numbers(({ set }) => set, 'bigint'),
  ]
}
