import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, test } from 'bun:test'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checksum, type Migration, oldestRelease, pendingMigrations, RELEASE } from '../../ports/store/migration.ts'
import { migrate, migrateSqlite } from './migrate.ts'
import { migrations } from './migrations.ts'
import { sqlite } from './store.ts'

const SCHEMA_FILE = join(import.meta.dir, '../../../migrations/sqlite/schema.sql')
const WAIT_MS = 300_000

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('migrations', () => {
  test('migrations of SQLite give the schema that migrations/sqlite/schema.sql shows', () => {
    using db = new Database(newFile())
    migrate(db)
    if (process.env['UPDATE_SCHEMA']) writeFileSync(SCHEMA_FILE, schemaOf(db))
    expect(schemaOf(db), 'run UPDATE_SCHEMA=1 bun test src/adapters/sqlite after a migration').toBe(
      readFileSync(SCHEMA_FILE, 'utf8'),
    )
  })

  test('migrations of SQLite run once: what ran is named, and a second time nothing runs', async () => {
    const file = newFile()
    expect(migrateSqlite(file)).toEqual(migrations.map(({ name }) => name))
    const before = dump(file)
    expect(migrateSqlite(file)).toEqual([])
    const store = sqlite(file)
    await store.open()
    await store.close()
    expect(dump(file).migrations).toEqual(before.migrations)
    expect(dump(file).schema).toEqual(before.schema)
  })

  test('migrations of SQLite run in their order, each after those that ran before', () => {
    using db = new Database(newFile())
    const [one, two, three] = [
      step('0001', 'create table a (x)'),
      step('0002', 'alter table a add column y'),
      step('0003', 'insert into a values (1, 2)'),
    ]
    expect(migrate(db, [one!])).toEqual(['0001'])
    expect(migrate(db, [one!, two!, three!])).toEqual(['0002', '0003'])
    expect(db.query('select * from a').all()).toEqual([{ x: 1, y: 2 }])
  })

  test('migrations of SQLite run beside a server', async () => {
    const file = newFile()
    const store = sqlite(file)
    await store.open()
    expect(migrateSqlite(file)).toEqual([])
    await store.close()
  })

  test('migrations of SQLite all say which release may still run beside them', () => {
    for (const migration of migrations) expect(Bun.semver.order(oldestRelease(migration), RELEASE)).toBeLessThanOrEqual(0)
    expect(() => oldestRelease({ name: '0009', sql: 'create table a (x)' })).toThrow(
      '0009: the first line names the oldest release',
    )
  })

  test('migrations of SQLite refuse a database in which one was changed after it ran', () => {
    using db = new Database(newFile())
    migrate(db, [step('0001', 'create table a (x)')])
    const changed = step('0001', 'create table a (x, y)')
    expect(() => migrate(db, [changed, step('0002', 'create table b (x)')])).toThrow(
      expect.objectContaining({ reason: 'refused', message: expect.stringContaining(checksum(changed.sql)) }),
    )
    expect(names(db)).toEqual(['a'])
  })

  test('migrations of SQLite refuse a database that needs a newer release, and take one that a newer release left open to this', async () => {
    const file = newFile()
    migrateSqlite(file)
    const remember = (name: string, oldest: string) => {
      using db = new Database(file)
      db.query('insert into migrations values (?, ?, ?, ?)').run(name, 'unknown here', oldest, '2026-01-01T00:00:00.000Z')
    }
    remember('0998-later', RELEASE)
    await opensAndCloses(file)
    remember('0999-later', '99.0.0')
    for (const migrate of [true, false])
      expect(await failure(sqlite(file, { migrate }).open())).toMatchObject({
        reason: 'refused',
        message: `the database has migration 0999-later, which needs release 99.0.0 or newer; this is ${RELEASE}`,
      })
    expect(() => migrateSqlite(file)).toThrow('needs release 99.0.0')
  })

  test('migrations of SQLite compare releases by their numbers and not by their text', () => {
    const findPending = (oldest: string) => pendingMigrations([], [{ name: 'x', checksum: 'x', oldest }])
    expect(findPending('0.0.99')).toEqual([])
    expect(findPending(`${RELEASE}-rc.1`)).toEqual([])
    expect(() => findPending('0.10.0')).toThrow('needs release 0.10.0')
  })

  test('a SQLite store that may not run migrations is refused while one is missing', async () => {
    const file = newFile()
    expect(await failure(sqlite(file, { migrate: false }).open())).toMatchObject({
      reason: 'refused',
      message: `${file} lacks the migrations ${migrations.map(({ name }) => name).join(', ')}; run \`emaki migrate\``,
    })
    migrateSqlite(file)
    await opensAndCloses(file)
  })
})

describe('a migration that does not end', () => {
  test('a migration of SQLite of which a statement fails leaves nothing of itself, and what ran before it', () => {
    using db = new Database(newFile())
    const sound = step('0001', 'create table a (x)')
    const broken = step('0002', 'create table b (x); insert into b values (1); insert into nowhere values (1)')
    expect(() => migrate(db, [sound, broken])).toThrow('no such table: nowhere')
    expect(names(db)).toEqual(['a'])
    expect(migrate(db, [sound, step('0002', 'create table b (x)')])).toEqual(['0002'])
  })

  test('a migration of SQLite whose process was killed leaves nothing of itself, and what ran before it', async () => {
    const file = newFile()
    const first = step('0001', 'create table a (x)')
    const endless = step(
      '0002',
      `create table b (x); create table c (x);
       insert into c with recursive n(i) as (select 1 union all select i + 1 from n) select hex(zeroblob(2000)) from n`,
    )
    const script = `
      import { Database } from 'bun:sqlite'
      import { migrate } from ${JSON.stringify(join(import.meta.dir, 'migrate.ts'))}
      const db = new Database(${JSON.stringify(file)})
      db.run('pragma journal_mode = wal')
      migrate(db, ${JSON.stringify([first, endless])})`
    const child = Bun.spawn([process.execPath, '-e', script], { stderr: 'inherit' })
    // Killed once its pages have left its memory for the file, which is past the first statements and before the end.
    await until(() => existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 1_000_000)
    child.kill(9)
    await child.exited
    using db = new Database(file)
    expect(names(db)).toEqual(['a'])
    expect(migrate(db, [first, step('0002', 'create table b (x)')])).toEqual(['0002'])
    expect(db.query('pragma integrity_check').get()).toEqual({ integrity_check: 'ok' })
  })
})

function step(name: string, sql: string): Migration {
  return { name, sql: `-- oldest release that may still run: 0.0.1\n${sql}` }
}

/** What SQLite says it has, without what only reflects how it came about. */
function schemaOf(db: Database): string {
  const rows = db
    .query<{ sql: string }, []>('select sql from sqlite_schema where sql is not null order by tbl_name, type, name')
    .all()
  return `${rows.map(({ sql }) => `${sql};`).join('\n\n')}\n`
}

function names(db: Database): readonly string[] {
  const tables = db.query<{ name: string }, []>(`select name from sqlite_schema where type = 'table' and name <> 'migrations'`)
  return tables.all().map(({ name }) => name)
}

function dump(file: string): { readonly migrations: unknown; readonly schema: string } {
  using db = new Database(file)
  return { migrations: db.query('select * from migrations').all(), schema: schemaOf(db) }
}

async function opensAndCloses(file: string): Promise<void> {
  const store = sqlite(file, { migrate: false })
  await store.open()
  await store.close()
}

function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => new Error('expected a failure'),
    (error: unknown) => error,
  )
}

async function until(holds: () => boolean): Promise<void> {
  for (const end = performance.now() + WAIT_MS; !holds(); await Bun.sleep(2))
    if (performance.now() > end) throw new Error(`not within ${WAIT_MS} ms`)
}

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-migrate-'))
  folders.push(folder)
  return join(folder, 'log.db')
}
