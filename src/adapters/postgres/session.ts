// What a session has to be set to, whatever a database or a role sets for all of theirs.
import type { ISql, Sql } from 'postgres'
import { StoreError } from '../../ports/store/errors.ts'

/** Settings that a session begins with, by name. None behind a pooler, which refuses them. */
export type SessionSettings = Readonly<Record<string, string>>

/** How long a transaction of ours may wait for us, in ms. Each of them is shorter, or sets a time of its own. */
const IDLE_IN_TRANSACTION_MS = 60_000
/** The settings of a session that is ours alone. A server takes them over what a database or a role sets. */
const OWN: SessionSettings = {
  default_transaction_isolation: 'read committed',
  DateStyle: 'ISO',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  array_nulls: 'on',
  standard_conforming_strings: 'on',
  statement_timeout: '0',
  lock_timeout: '0',
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: String(IDLE_IN_TRANSACTION_MS),
}

/** What to try, in this order: PostgreSQL knows the first setting since 17, and a pooler takes none. */
export const SESSIONS: readonly SessionSettings[] = [{ ...OWN, transaction_timeout: '0' }, OWN, {}]

/** Errors of a server, or of a pooler, that does not take a setting: protocol, unknown, not a value, not supported. */
export const NOT_TAKEN: ReadonlySet<unknown> = new Set(['08P01', '42704', '22023', '0A000'])

/**
 * Settings for a pool, besides those that its server takes. `synchronousCommit`: what its sessions have without us. It
 * may be stronger than ours, so only a weaker one is changed.
 */
export function poolSession(taken: SessionSettings, statementTimeoutMs: number, synchronousCommit: string): SessionSettings {
  if (Object.keys(taken).length === 0) return {}
  return {
    ...taken,
    ...(isWeak(synchronousCommit) && { synchronous_commit: 'on' }),
    // The second setting ends a session whose client no longer reads. The first does not end it while the server waits
    // to send [ran].
    statement_timeout: String(statementTimeoutMs),
    tcp_user_timeout: String(statementTimeoutMs),
  }
}

/** Begins a long transaction: its isolation is not left to the session. */
export const LONG_TRANSACTION = 'isolation level read committed'

/** Lets a transaction take its time, whatever the session says. It goes through a pooler. */
export async function takeTime(tx: ISql): Promise<void> {
  await tx`select set_config(name, '0', true) from pg_settings
    where name in ('statement_timeout', 'lock_timeout', 'transaction_timeout')`
  await tx`select set_config('idle_in_transaction_session_timeout', ${String(IDLE_IN_TRANSACTION_MS)}, true)`
}

type Need = { readonly value: string; readonly fits: (found: string, deadlineMs: number) => boolean }

const isOn: Need = { value: 'on', fits: found => found === 'on' }
/** No limit, or one that is no shorter than our own. */
const isNoLimit: Need = { value: '0', fits: (found, deadlineMs) => found === '0' || Number(found) >= deadlineMs }

/** It bounds our own pauses within a transaction, and so no statement: our own limit is enough. */
const isNoShortPause: Need = {
  value: '0',
  fits: (found, deadlineMs) => found === '0' || Number(found) >= Math.min(deadlineMs, IDLE_IN_TRANSACTION_MS),
}

/** What the promises need of a session. */
const NEEDS: Readonly<Record<string, Need>> = {
  default_transaction_isolation: { value: 'read committed', fits: found => found === 'read committed' },
  DateStyle: { value: 'ISO', fits: found => found.startsWith('ISO') },
  extra_float_digits: { value: '1', fits: found => Number(found) >= 0 },
  array_nulls: isOn,
  synchronous_commit: { value: 'on', fits: found => !isWeak(found) },
  session_replication_role: { value: 'origin', fits: found => found === 'origin' },
  statement_timeout: isNoLimit,
  lock_timeout: isNoLimit,
  transaction_timeout: isNoLimit,
  idle_in_transaction_session_timeout: isNoShortPause,
}

/** A setting of a session that does not fit. */
export type WrongSetting = { readonly name: string; readonly found: string; readonly fix: string }

/** Finds the settings of a session that the promises do not allow. `deadlineMs`: the longest time of a statement. */
export async function wrongSettings(sql: Sql, deadlineMs: number): Promise<readonly WrongSetting[]> {
  const rows = await sql<{ name: string; setting: string; role: string; database: string }[]>`
    select name, setting, quote_ident(current_user) as role, quote_ident(current_database()) as database
    from pg_settings where name = any (${`{${Object.keys(NEEDS).join(',')}}`}::text[]) order by name`
  return rows.flatMap(({ name, setting, role, database }) => {
    const { value, fits } = NEEDS[name]!
    if (fits(setting, deadlineMs)) return []
    return [{ name, found: setting, fix: `alter role ${role} in database ${database} set ${name} = '${value}'` }]
  })
}

/** Throws a StoreError that names each setting of a session that does not fit, and the statement that mends it. */
export async function refuseWrongSettings(sql: Sql, deadlineMs: number): Promise<void> {
  const wrong = await wrongSettings(sql, deadlineMs)
  if (!wrong.length) return
  const found = wrong.map(({ name, found }) => `${name} is ${found}`).join(', ')
  const fixes = wrong.map(({ fix }) => fix).join('; ')
  throw new StoreError(
    'refused',
    `the sessions of this database do not fit: ${found}. Run: ${fixes}. Then let the pooler, if there is one, connect again`,
  )
}

function isWeak(synchronousCommit: string): boolean {
  return synchronousCommit === 'off' || synchronousCommit === 'local'
}
