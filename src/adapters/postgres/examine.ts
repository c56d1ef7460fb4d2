// Examines a database without opening the log: the conditions of its promises, and how to fix them.
import { verbCommand } from '../../lib/verb-command.ts'
import { patience } from '../../lib/patience.ts'
import type { Sql } from 'postgres'
import type { Diagnosis } from '../../ports/store/diagnosis.ts'
import { StoreError } from '../../ports/store/errors.ts'
import { type Applied, pendingMigrations } from '../../ports/store/migration.ts'
import { storeError } from './errors.ts'
import { hasMigrations } from './migrate.ts'
import { migrations } from './migrations.ts'
import { connect } from './pool.ts'
import { behindPooler, excludes, VERSION_MIN } from './prove.ts'
import { refuseMissingRights } from './rights.ts'
import { openTaken } from './open-taken.ts'

export type ExamineOptions = {
  readonly schema: string
  /** Whether the configuration names a pooler. */
  readonly pooler?: boolean | undefined
  readonly directUrl?: string | undefined
}

const READ_ONLY_FIX = 'see why, such as a full disk; then set default_transaction_read_only to off for the role and the database'
const CLOCK_WARNING_MS = 500
const CLOCK_PROBLEM_MS = 5_000

/** Examines a database. A check that fails to run is a finding too: the function never throws. */
export async function examinePostgres(url: string, options: ExamineOptions): Promise<readonly Diagnosis[]> {
  const client = { max: 1, prepare: false, session: {} }
  const [one, two] = [connect(url, client), connect(url, client)]
  try {
    const reached = await examined('connection', async () => {
      await two`select 1`
      await one`select 1`
      return ok('connection', 'both of two connections answer')
    })
    if (reached.status === 'problem') return [{ ...reached, fix: 'start PostgreSQL, or correct DATABASE_URL' }]
    return [
      reached,
      ...(await settings(one)),
      await examined('lock', () => lock(one, two)),
      await examined('pooler', () => poolers(url, [one, two], options)),
      await examined('clock', () => clock(one)),
      await examined('migrations', () => migrated(one, options.schema)),
      ...(await rights(one, options.schema)),
    ]
  } finally {
    await Promise.all([one.end({ timeout: 1 }), two.end({ timeout: 1 })])
  }
}

async function examined(name: string, run: () => Promise<Diagnosis>): Promise<Diagnosis> {
  try {
    return await run()
  } catch (error) {
    return { name, status: 'problem', found: storeError(error, 'unavailable').message }
  }
}

function ok(name: string, found: string): Diagnosis {
  return { name, status: 'ok', found }
}

type Settings = Readonly<Record<'version' | 'encoding' | 'fsync' | 'pages' | 'commit' | 'recovery' | 'mode', string>> &
  Readonly<Record<'checksums' | 'ignored' | 'zeroed', string>> & {
    readonly number: number
  }

async function settings(sql: Sql): Promise<readonly Diagnosis[]> {
  const [found] = await sql<Settings[]>`
    select current_setting('server_version') as version, current_setting('server_version_num')::int as number,
      current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
      current_setting('full_page_writes') as pages, current_setting('synchronous_commit') as commit,
      pg_is_in_recovery()::text as recovery, current_setting('default_transaction_read_only') as mode,
      current_setting('data_checksums') as checksums, current_setting('ignore_checksum_failure') as ignored,
      current_setting('zero_damaged_pages') as zeroed`
  const [damage] = await sql<{ many: number }[]>`
    select coalesce(checksum_failures, 0)::int as many from pg_stat_database where datname = current_database()`
  return [...versionsOf(found!), ...durability(found!), checksumsOf(found!, damage!.many)]
}

/** Checks the release and the encoding. */
export function versionsOf({
  version,
  number,
  encoding,
  recovery,
  mode,
}: Omit<Settings, 'fsync' | 'pages' | 'commit' | 'checksums' | 'ignored' | 'zeroed'>): readonly Diagnosis[] {
  const isOld = number < VERSION_MIN
  return [
    isOld
      ? { name: 'database', status: 'problem', found: `PostgreSQL ${version}`, fix: 'upgrade to PostgreSQL 15 or newer' }
      : ok('database', `PostgreSQL ${version}`),
    encoding === 'UTF8'
      ? ok('encoding', encoding)
      : { name: 'encoding', status: 'problem', found: encoding, fix: "make the database with encoding 'UTF8'" },
    recovery === 'true'
      ? {
          name: 'role',
          status: 'problem',
          found: 'a standby, which takes no writes',
          fix: 'connect to the primary, or promote this one',
        }
      : mode === 'on'
        ? { name: 'role', status: 'problem', found: 'a primary that is set to be read-only', fix: READ_ONLY_FIX }
        : ok('role', 'a primary, which takes writes'),
  ]
}

/** Checks that committed data survives a crash. */
export function durability({ fsync, pages, commit }: Pick<Settings, 'fsync' | 'pages' | 'commit'>): readonly Diagnosis[] {
  const needed = (name: string, found: string): Diagnosis =>
    found === 'on'
      ? ok(name, found)
      : { name, status: 'problem', found, fix: `alter system set ${name} = on, then select pg_reload_conf()` }
  return [
    needed('fsync', fsync),
    needed('full_page_writes', pages),
    commit === 'off' || commit === 'local'
      ? {
          name: 'synchronous_commit',
          status: 'warning',
          found: `${commit}: appends set it on for themselves, rows of projections may be folded again after a crash`,
          fix: 'alter system set synchronous_commit = on, then select pg_reload_conf()',
        }
      : ok('synchronous_commit', commit),
  ]
}

/** Checks that damage on the disk is noticed. `failures`: the pages whose checksums did not fit so far. */
export function checksumsOf(
  { checksums, ignored, zeroed }: Pick<Settings, 'checksums' | 'ignored' | 'zeroed'>,
  failures: number,
): Diagnosis {
  const name = 'checksums'
  if (failures > 0)
    return { name, status: 'problem', found: `${failures} pages were damaged`, fix: 'restore from a backup, to another disk' }
  if (ignored === 'on' || zeroed === 'on') {
    const found = ignored === 'on' ? 'ignore_checksum_failure is on' : 'zero_damaged_pages is on'
    return { name, status: 'problem', found: `${found}: damage is passed over`, fix: 'turn it off, once the data is saved' }
  }
  if (checksums === 'on') return ok(name, 'on')
  return {
    name,
    status: 'warning',
    found: 'off: damage on the disk is not noticed',
    fix: 'stop PostgreSQL, and run pg_checksums --enable',
  }
}

async function lock(one: Sql, two: Sql): Promise<Diagnosis> {
  if (await excludes(one, two)) return ok('lock', 'an advisory lock of one connection is refused to another')
  const fix = 'use PostgreSQL itself: this engine, or what is in between, does not keep the order of the log'
  return { name: 'lock', status: 'problem', found: 'advisory locks do not exclude', fix }
}

async function poolers(url: string, [one, two]: readonly [Sql, Sql], { pooler, directUrl }: ExamineOptions): Promise<Diagnosis> {
  const name = 'pooler'
  const isBehind = await behindPooler(one, two)
  const isInSessionMode = !isBehind && !(await takesSettings(url))
  if (isInSessionMode) return ok(name, 'one in session mode, which takes no settings')
  if (!isBehind) return ok(name, pooler ? 'none found, though DATABASE_POOLER says so' : 'none in between')
  const found = 'a pooler in transaction mode'
  if (pooler === false)
    return {
      name,
      status: 'problem',
      found: `${found}, though DATABASE_POOLER says no`,
      fix: 'unset DATABASE_POOLER, or set it to true',
    }
  if (directUrl !== undefined) return ok(name, `${found}; DATABASE_DIRECT_URL leads past it`)
  return {
    name,
    status: 'warning',
    found: `${found}, which passes on no notification`,
    fix: 'set DATABASE_DIRECT_URL to lead past it',
  }
}

async function takesSettings(url: string): Promise<boolean> {
  const { pool, session } = await openTaken(url, { max: 1, prepare: false, deadlineMs: patience.connectMs })
  await pool.close()
  return Object.keys(session).length > 0
}

async function clock(sql: Sql): Promise<Diagnosis> {
  const before = Date.now()
  const [row] = await sql<{ ms: number }[]>`select date_part('epoch', clock_timestamp()) * 1000 as ms`
  return clockFinding(row!.ms - (before + Date.now()) / 2)
}

/** Compares the database's clock with ours. `aheadMs`: how far it is ahead. */
export function clockFinding(aheadMs: number): Diagnosis {
  const name = 'clock'
  const found = `the database's is ${Math.abs(Math.round(aheadMs))} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine's`
  const off = Math.abs(aheadMs)
  if (off < CLOCK_WARNING_MS) return ok(name, found)
  return { name, status: off < CLOCK_PROBLEM_MS ? 'warning' : 'problem', found, fix: 'run an NTP client on both machines' }
}

/** Checks what the role may do. A schema that does not exist yet has no rights, and is found by its migrations. */
async function rights(sql: Sql, schema: string): Promise<readonly Diagnosis[]> {
  const name = 'rights'
  try {
    await refuseMissingRights(sql, schema)
    return [ok(name, 'the role may do all that an app does')]
  } catch (error) {
    if (!(error instanceof StoreError)) return []
    return [{ name, status: 'problem', found: error.message, fix: 'run that statement as the owner of the schema' }]
  }
}

async function migrated(sql: Sql, schema: string): Promise<Diagnosis> {
  const name = 'migrations'
  const fix = `run \`${verbCommand('migrate')}\``
  if (!(await hasMigrations(sql, schema))) return { name, status: 'problem', found: `the schema ${schema} has no log yet`, fix }
  const applied = await sql<Applied[]>`select name, checksum, oldest from ${sql(`${schema}.migrations`)}`
  const missing = pendingMigrations(migrations, applied)
  if (missing.length === 0) return ok(name, `all ${migrations.length} are in`)
  return { name, status: 'problem', found: `${missing.map(one => one.name).join(', ')} missing`, fix }
}
