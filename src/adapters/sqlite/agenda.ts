// The agenda in the file of the log.
import type { Database, SQLQueryBindings } from 'bun:sqlite'
import type { Agenda, AgendaEntry, NewAgenda, NewEntry } from '../../ports/agenda/agenda.ts'
import { DUE_MAX } from '../../definitions/process/timer.ts'
import { checkEntry } from '../../ports/agenda/check.ts'
import { instant } from '../../ports/store/instant.ts'
import type { Statements } from './statements.ts'
import type { Sync } from './sync.ts'

export type SyncAgenda = Sync<Agenda> & { readonly change: (changes: NewAgenda) => void }

/** An agenda whose calls run when the file is free. */
export function sqliteAgenda(whenFree: <T>(run: (now: SyncAgenda) => T) => Promise<T>): Agenda {
  return {
    schedule: entry => whenFree(now => now.schedule(entry)),
    due: (owner, limit) => whenFree(now => now.due(owner, limit)),
    begin: ids => whenFree(now => now.begin(ids)),
    done: entries => whenFree(now => now.done(entries)),
    end: ended => whenFree(now => now.end(ended)),
    find: id => whenFree(now => now.find(id)),
    remove: id => whenFree(now => now.remove(id)),
    list: options => whenFree(now => now.list(options)),
    count: () => whenFree(now => now.count()),
    renewKeys: (owner, keepMs) => whenFree(now => now.renewKeys(owner, keepMs)),
    forget: keepMs => whenFree(now => now.forget(keepMs)),
  }
}

const COLUMNS =
  'id, owner, key, timer, command, meta, due, at_position as "set", made_at as madeAt, begun as hasBegun, outcome, ended_at as endedAt'

type SqliteAgendaRow = Omit<AgendaEntry, 'due' | 'madeAt' | 'endedAt' | 'hasBegun'> & {
  readonly hasBegun: number
  readonly due: number
  readonly madeAt: number
  readonly endedAt: number | null
}

export function syncAgenda(db: Database, statements: Statements, now: () => number): SyncAgenda {
  const all = <R>(sql: string, ...values: SQLQueryBindings[]) => statements.get<R>(sql).all(...values)
  const change = (sql: string, ...values: SQLQueryBindings[]) => statements.get(sql).run(...values).changes
  const find = (id: string) => all<SqliteAgendaRow>(`select ${COLUMNS} from agenda where id = ?`, id).map(entryOf)[0] ?? null

  function add({ id, owner, key, timer, command, meta, due, set }: NewEntry): void {
    // A replaced entry goes behind all others, as a new one would.
    change(
      'insert or replace into agenda values (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, null, null)',
      id,
      owner,
      key,
      timer,
      command,
      meta,
      due || now(),
      set,
      now(),
    )
  }

  const many = <T>(run: (one: T) => void) => db.transaction((list: readonly T[]) => list.forEach(run)).immediate
  const schedule = db.transaction((entry: NewEntry) => {
    if (!find(entry.id)) add(entry)
    return find(entry.id)!
  }).immediate

  return {
    change: ({ add: added, remove }) => {
      for (const id of remove) change('delete from agenda where id = ?', id)
      for (const entry of added) add(entry)
    },
    schedule: entry => {
      checkEntry(entry)
      return schedule(entry)
    },
    due: (owner, limit) => {
      const rows = all<SqliteAgendaRow>(
        `select ${COLUMNS} from agenda where owner = ? and ended_at is null order by due, rowid limit ?`,
        owner,
        limit + 1,
      )
      const at = now()
      const taken = rows.filter(row => row.due <= at).slice(0, limit)
      return { entries: taken.map(entryOf), next: rows[taken.length]?.due ?? null, now: at }
    },
    begin: db.transaction((ids: readonly string[]) =>
      ids.filter(id => change('update agenda set begun = 1 where id = ? and ended_at is null', id) > 0),
    ).immediate,
    done: many(({ id, set }) => change('delete from agenda where id = ? and at_position = ?', id, set)),
    end: many(({ id, outcome }) => change('update agenda set outcome = ?, ended_at = ? where id = ?', outcome, now(), id)),
    find,
    remove: id => change('delete from agenda where id = ? and begun = 0 and ended_at is null', id) > 0,
    list: ({ owner, key, timers, limit }) =>
      all<SqliteAgendaRow>(
        `select ${COLUMNS} from agenda
         where ended_at is null and (?1 is null or owner = ?1) and (?2 is null or key = ?2) and (?3 is null or (timer is not null) = ?3)
         order by due, rowid limit ?4`,
        owner ?? null,
        key ?? null,
        timers === undefined ? null : Number(timers),
        limit,
      ).map(entryOf),
    count: () =>
      all(
        'select owner, count(*) as pending, count(timer) as timers, sum(due <= ?) as due from agenda where ended_at is null group by owner order by owner',
        now(),
      ),
    renewKeys: (owner, keepMs) => {
      change(
        `update keys set until = max(until, ?1) where until is not null and key in (
          select prefix || id from agenda, (select 'agenda:' as prefix union all select 'answer:')
          where owner = ?2 and ended_at is null and timer is null)`,
        now() + keepMs,
        owner,
      )
    },
    forget: keepMs => change('delete from agenda where ended_at <= ?', now() - keepMs),
  }
}

function entryOf({ due, madeAt, endedAt, hasBegun, ...row }: SqliteAgendaRow): AgendaEntry {
  return {
    ...row,
    hasBegun: hasBegun === 1,
    // An earlier release took times that no calendar has.
    due: instant(Math.min(due, DUE_MAX)),
    madeAt: instant(madeAt),
    endedAt: endedAt === null ? null : instant(endedAt),
  }
}
