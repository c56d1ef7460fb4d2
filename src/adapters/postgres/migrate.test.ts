import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { type Migration, RELEASE } from '../../ports/store/migration.ts'
import { type TestSchema, testSchema } from '../../test-support/schema.ts'
import { migrate, migratePostgres, upToDate } from './migrate.ts'
import { migrations } from './migrations.ts'
import { postgres } from './store.ts'

const SNAPSHOT = join(import.meta.dir, '../../../migrations/postgres/schema.sql')
/** So many migrations make append_v1. */
const APPEND_V1 = 3

let at: TestSchema
beforeAll(async () => {
  at = await testSchema()
})
afterAll(() => at.drop())

/** Runs with a schema of its own, dropped afterwards. */
async function fresh(run: (at: TestSchema) => Promise<void>): Promise<void> {
  const own = await testSchema()
  try {
    await run(own)
  } finally {
    await own.drop()
  }
}

describe('migrations', () => {
  test('migrations of PostgreSQL run once, in order, and say what ran', async () => {
    expect(await migratePostgres(at.url, at.schema)).toEqual(migrations.map(({ name }) => name))
    expect(await migratePostgres(at.url, at.schema)).toEqual([])
  })

  test('migrations of PostgreSQL run once when several processes start at once', () =>
    fresh(async ({ url, schema }) => {
      const ran = await Promise.all(Array.from({ length: 4 }, () => migratePostgres(url, schema)))
      expect(ran.flat().sort()).toEqual(migrations.map(({ name }) => name))
    }))

  test('a migration of PostgreSQL that fails at any statement counts as not begun, as do those with it in a new schema, and the next run goes on from there', () =>
    fresh(async ({ sql, schema }) => {
      const good = { name: '0001-good', sql: '-- oldest release that may still run: 0.1.0\ncreate table one (n integer);' }
      const statements = ['create table two (n integer)', 'insert into two values (1)', 'create index on two (n)']
      for (const ranBefore of [false, true]) {
        if (ranBefore) await migrate(sql, schema, [good])
        for (let broken = 0; broken < statements.length; broken++) {
          const text = statements.toSpliced(broken, 0, 'select 1 / 0').join(';\n')
          const bad: Migration = { name: '0002-two', sql: `-- oldest release that may still run: 0.1.0\n${text};` }
          await expect(migrate(sql, schema, [good, bad])).rejects.toThrow('division by zero')
          const [found] =
            await sql`select to_regclass(${`${schema}.one`}) is not null as one, to_regclass(${`${schema}.two`}) is not null as two`
          expect({ ...found }).toEqual({ one: ranBefore, two: false })
        }
      }
      const mended = { name: '0002-two', sql: `-- oldest release that may still run: 0.1.0\n${statements.join(';\n')};` }
      expect(await migrate(sql, schema, [good, mended])).toEqual(['0002-two'])
    }))

  test('migrations of PostgreSQL are refused where one was changed after it ran', () =>
    fresh(async ({ sql, schema }) => {
      const one = { name: '0001-one', sql: '-- oldest release that may still run: 0.1.0\ncreate table one (n integer);' }
      await migrate(sql, schema, [one])
      await expect(migrate(sql, schema, [{ ...one, sql: `${one.sql}\n` }])).rejects.toThrow('0001-one was changed after it ran')
    }))

  test('migrations of PostgreSQL refuse a database that needs a newer release, and no other', () =>
    fresh(async ({ sql, schema }) => {
      const from = (oldest: string) => ({
        name: `0001-${oldest}`,
        sql: `-- oldest release that may still run: ${oldest}\nselect 1;`,
      })
      await migrate(sql, schema, [from(RELEASE)])
      expect(await migrate(sql, schema, [])).toEqual([])
      await sql`insert into ${sql(`${schema}.migrations`)} (name, checksum, oldest) values ('0009-later', '', '99.0.0')`
      await expect(migrate(sql, schema, [])).rejects.toThrow('needs release 99.0.0')
    }))

  test('a PostgreSQL store that may not run migrations refuses to start while one is missing', () =>
    fresh(async ({ url, schema, sql }) => {
      const store = postgres(url, { schema, migrate: false })
      await expect(store.open()).rejects.toThrow('run `emaki migrate`')
      expect(await upToDate(sql, schema)).toBe(false)
      await migratePostgres(url, schema)
      await store.open()
      await store.close()
    }))

  test('migrations of PostgreSQL change no function that an earlier one made, but for 0022, which 0024 mends', () =>
    fresh(async own => {
      expect(await changedFunctions(own, migrations)).toEqual([
        '0022-keys-by-index: append_v1',
        '0024-append-v1-again: append_v1',
      ])
      const last = (await functionsOf(own)).get('append_v1')
      await fresh(async old => {
        await migrate(old.sql, old.schema, migrations.slice(0, APPEND_V1))
        expect(last?.replaceAll(own.schema, old.schema)).toBe((await functionsOf(old)).get('append_v1')!)
      })
    }))

  test.each([
    ['replaces', 'create or replace function f_v1() returns integer language sql return 2'],
    ['drops', 'drop function f_v1'],
    ['alters', 'alter function f_v1 set work_mem = 1024'],
    ['overloads', 'create function f_v1(n integer) returns integer language sql return n'],
  ])('the check of migrations finds one that %s a function of an earlier one', (_, text) =>
    fresh(async own => {
      const step = (name: string, text: string) => ({ name, sql: `-- oldest release that may still run: 0.1.0\n${text};` })
      const first = step('0001-first', 'create function f_v1() returns integer language sql return 1')
      const next = step('0002-next', 'create function f_v2() returns integer language sql return 2')
      expect(await changedFunctions(own, [first, next, step('0003-planted', text)])).toEqual(['0003-planted: f_v1'])
    }),
  )

  test('migrations of PostgreSQL give each function its home, as a connection may look for tables elsewhere', async () => {
    await migratePostgres(at.url, at.schema)
    const homeless = await at.sql`
      select proname from pg_proc
      where pronamespace = ${at.schema}::regnamespace
        and not coalesce(array_to_string(proconfig, ',') like '%search_path=%', false)`
    // They name no table.
    const allowed = ['events_are_immutable', 'json_v1', 'lock_key_v1', 'occurred_at_v1']
    expect(homeless.map(({ proname }) => proname as string).toSorted()).toEqual(allowed)
  })

  test('migrations of PostgreSQL give the schema in migrations/postgres/schema.sql; SNAPSHOT=1 writes it anew', async () => {
    await migratePostgres(at.url, at.schema)
    const found = await describeSchema(at)
    if (process.env['SNAPSHOT'] === '1') await Bun.write(SNAPSHOT, found)
    expect(found).toBe(await Bun.file(SNAPSHOT).text())
  })
})

/** The functions that a migration changed or dropped after another had made them, as `migration: function`. */
async function changedFunctions(at: TestSchema, all: readonly Migration[]): Promise<readonly string[]> {
  const changed: string[] = []
  let before = new Map<string, string>()
  for (const [i, { name }] of all.entries()) {
    await migrate(at.sql, at.schema, all.slice(0, i + 1))
    const after = await functionsOf(at)
    for (const [functionName, text] of before) if (after.get(functionName) !== text) changed.push(`${name}: ${functionName}`)
    before = after
  }
  return changed
}

/** What each function is, by its name; one more of a name counts as a change of it. */
async function functionsOf({ sql, schema }: TestSchema): Promise<Map<string, string>> {
  const rows = await sql<{ name: string; text: string }[]>`
    select p.proname as name, string_agg(pg_get_functiondef(p.oid), '' order by p.oid) as text
    from pg_proc p
    where p.pronamespace = (select oid from pg_namespace where nspname = ${schema})
    group by p.proname`
  return new Map(rows.map(({ name, text }) => [name, text]))
}

/** A schema as SQL, from the catalogue: tables, constraints, indexes, sequences, views, functions, triggers. */
async function describeSchema({ sql, schema }: TestSchema): Promise<string> {
  const parts = await sql<{ text: string }[]>`
    with s as (select oid from pg_namespace where nspname = ${schema})
    select 'create table ' || c.relname || E' (\n' || string_agg('  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
      || coalesce(' collate "' || nullif(co.collname, 'default') || '"', '') || case when a.attnotnull then ' not null' else '' end
      || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), E',\n' order by a.attnum) || E'\n);' as text, 1 as kind, c.relname as name
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    left join pg_collation co on co.oid = a.attcollation
    where c.relnamespace = (select oid from s) and c.relkind = 'r' group by c.relname
    union all
    select 'alter table ' || t.relname || ' add ' || pg_get_constraintdef(c.oid) || ';', 2, c.conname
    from pg_constraint c join pg_class t on t.oid = c.conrelid where c.connamespace = (select oid from s) and c.contype in ('p', 'u', 'c')
    union all
    select indexdef || ';', 3, indexname from pg_indexes where schemaname = ${schema}
    union all
    select 'create sequence ' || sequencename || ';', 4, sequencename from pg_sequences where schemaname = ${schema}
    union all
    select 'create view ' || viewname || E' as\n' || definition, 5, viewname from pg_views where schemaname = ${schema}
    union all
    select pg_get_functiondef(p.oid) || ';', 6, p.proname from pg_proc p where p.pronamespace = (select oid from s)
    union all
    select pg_get_triggerdef(g.oid) || ';', 7, g.tgname from pg_trigger g join pg_class c on c.oid = g.tgrelid
    where c.relnamespace = (select oid from s) and not g.tgisinternal
    order by kind, name, text`
  return `${parts.map(({ text }) => text.trim().replaceAll(schema, 'emaki')).join('\n\n')}\n`
}
