// Examines a file without opening the log: the conditions of its promises, and how to fix them.
import { verbCommand } from '../../lib/verb-command.ts'
import { Database } from 'bun:sqlite'
import { existsSync } from 'node:fs'
import type { Diagnosis } from '../../ports/store/diagnosis.ts'
import { type Applied, pendingMigrations } from '../../ports/store/migration.ts'
import { isBusy } from './errors.ts'
import { migrations } from './migrations.ts'

/** The longest wait for a server that is writing, when the lock is tested, in ms. */
const BUSY_TIMEOUT_MS = 2_000

/** Examines a file. A check that fails to run is a finding too: the function never throws. */
export function examineSqlite(file: string): readonly Diagnosis[] {
  if (!existsSync(file))
    return [
      {
        name: 'file',
        status: 'problem',
        found: `${file} does not exist`,
        fix: `run \`${verbCommand('migrate')}\`, or correct SQLITE_FILE`,
      },
    ]
  let opened: readonly [Database, Database]
  try {
    opened = [new Database(file, { readwrite: true, strict: true }), new Database(file, { readwrite: true, strict: true })]
    for (const db of opened) db.run(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
  } catch (error) {
    return [
      {
        name: 'file',
        status: 'problem',
        found: `${file}: ${String(error)}`,
        fix: 'let this user read and write the file and its folder',
      },
    ]
  }
  const [one, two] = opened
  try {
    return [
      { name: 'file', status: 'ok', found: file },
      examined('database', () => ({ status: 'ok', found: `SQLite ${scalar(one, 'select sqlite_version() as value')}` })),
      examined('journal_mode', () => journal(one)),
      examined('synchronous', () => synchronous(one)),
      examined('lock', () => lock(one, two)),
      examined('migrations', () => migrated(one)),
    ]
  } finally {
    one.close()
    two.close()
  }
}

type DiagnosisResult = Omit<Diagnosis, 'name'>

function examined(name: string, run: () => DiagnosisResult): Diagnosis {
  try {
    return { name, ...run() }
  } catch (error) {
    return { name, status: 'problem', found: String(error) }
  }
}

function scalar(db: Database, sql: string): unknown {
  return db.query<{ value: unknown }, []>(sql).get()?.value
}

function journal(db: Database): DiagnosisResult {
  const mode = db.query<{ journal_mode: string }, []>('pragma journal_mode').get()!.journal_mode
  if (mode === 'wal') return { status: 'ok', found: mode }
  return {
    status: 'problem',
    found: mode,
    fix: `run \`${verbCommand('migrate')}\`; where it stays so, put the file on a local file system`,
  }
}

/** Checks that a connection can have synchronous=FULL. Each connection has its own setting. */
function synchronous(db: Database): DiagnosisResult {
  db.run('pragma synchronous = full')
  const level = db.query<{ synchronous: number }, []>('pragma synchronous').get()!.synchronous
  if (level === 2) return { status: 'ok', found: 'full' }
  return { status: 'problem', found: String(level), fix: 'use a build of SQLite that can sync each commit' }
}

function lock(one: Database, two: Database): DiagnosisResult {
  one.run('begin immediate')
  try {
    two.run('pragma busy_timeout = 0')
    two.run('begin immediate')
    two.run('rollback')
    return { status: 'problem', found: 'two connections may write at once', fix: 'put the file on a local file system' }
  } catch (error) {
    if (!isBusy(error)) throw error
    return { status: 'ok', found: 'a writer is refused while another one writes' }
  } finally {
    one.run('rollback')
  }
}

function migrated(db: Database): DiagnosisResult {
  const fix = `run \`${verbCommand('migrate')}\``
  if (!db.query("select 1 from sqlite_schema where name = 'migrations'").get())
    return { status: 'problem', found: 'the file has no log yet', fix }
  const missing = pendingMigrations(migrations, db.query<Applied, []>('select name, checksum, oldest from migrations').all())
  if (missing.length === 0) return { status: 'ok', found: `all ${migrations.length} are in` }
  return { status: 'problem', found: `${missing.map(({ name }) => name).join(', ')} missing`, fix }
}
