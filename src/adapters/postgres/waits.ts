// Who waits for whom in PostgreSQL: for the lock of the log first, and for what its holder waits for.
import type { DatabaseSession, Waits } from '../../ports/store/waits.ts'
import { Pool } from './pool.ts'
import { query } from './query.ts'

/** The first half of the log's lock, which is `lock_key_v1()`: 'emak'. The second half is the table of events. */
const LOCK_CLASS = 0x656d616b
/** The most sessions that are read, and how far a chain of them is followed. */
const SESSIONS_MAX = 50
const DEPTH_MAX = 8
const QUERY_CHARACTERS_MAX = 200
const DEADLINE_MS = 2_000

/**
 * `pg_blocking_pids` gives direct blockers only, so it is followed. A session that holds the lock and waits for a
 * standby or the disk waits for nobody, and is read as well.
 */
const SESSIONS = `with recursive
  of_log as materialized (
    select pid, granted from pg_locks
    where locktype = 'advisory' and classid = ${LOCK_CLASS} and objid = to_regclass($1)::oid and objsubid = 1
      and database = (select oid from pg_database where datname = current_database())
  ),
  chain(pid, depth) as (
    select pid, 0 from of_log where pid is not null
    union
    select pid, 0 from pg_stat_activity
    where datname = current_database() and application_name like 'emaki %' and wait_event_type = 'Lock'
    union
    select blocker, depth + 1 from chain cross join unnest(pg_blocking_pids(chain.pid)) blocker where depth < ${DEPTH_MAX}
  ),
  waits as (select pid, min(waitstart) as since from pg_locks where not granted group by pid)
select c.pid,
  coalesce(nullif(a.application_name, ''), a.backend_type, '') as "application",
  coalesce(a.application_name like 'emaki %' or a.application_name = nullif(current_setting('application_name'), ''), false)
    as "isOurs",
  a.state,
  a.wait_event_type || ':' || a.wait_event as "waitsFor",
  case when a.state is not null then left(a.query, ${QUERY_CHARACTERS_MAX}) end as query,
  round(date_part('epoch', clock_timestamp() - coalesce(a.state_change, a.backend_start)) * 1000)::float8 as "stateMs",
  round(date_part('epoch', clock_timestamp() - w.since) * 1000)::float8 as "waitMs",
  exists (select from of_log l where l.pid = c.pid and l.granted) as "holdsLog",
  exists (select from of_log l where l.pid = c.pid and not l.granted) as "waitsForLog",
  pg_blocking_pids(c.pid)::text as "blockedBy",
  current_user as "user",
  pg_has_role('pg_read_all_stats', 'usage') as "seesAll"
from (select pid, min(depth) as depth from chain where pid <> pg_backend_pid() group by pid) c
left join pg_stat_activity a on a.pid = c.pid
left join waits w on w.pid = c.pid
order by c.depth desc, c.pid
limit ${SESSIONS_MAX}`

type Row = Omit<DatabaseSession, 'blockedBy'> & { readonly blockedBy: string; readonly user: string; readonly seesAll: boolean }

/** Reads from a connection of its own, which is made at the first question. */
export class PostgresWaits {
  readonly #pools: readonly Pool[]
  readonly #schema: string

  /** `urls`: the first one that answers is asked. */
  constructor(urls: readonly string[], schema: string) {
    const options = { max: 1, prepare: false, session: {}, deadlineMs: DEADLINE_MS, role: 'waits' } as const
    this.#pools = urls.map(url => new Pool(url, options))
    this.#schema = schema
  }

  async read(): Promise<Waits> {
    const rows = await this.#ask(this.#pools)
    const [first] = rows
    const isBlind = first !== undefined && !first.seesAll
    return { sessions: rows.map(sessionOf), grant: isBlind ? `grant pg_read_all_stats to "${first.user}"` : null, wal: null }
  }

  async #ask([first, ...others]: readonly Pool[]): Promise<readonly Row[]> {
    const asking = first!.run(sql => query<Row>(sql, SESSIONS, [`${this.#schema}.events`]))
    return others.length ? asking.catch(() => this.#ask(others)) : asking
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map(pool => pool.close()))
  }
}

function sessionOf({ blockedBy, user: _, seesAll: __, ...session }: Row): DatabaseSession {
  return { ...session, blockedBy: [...blockedBy.matchAll(/\d+/g)].map(Number) }
}
