import createClient, { type Sql } from 'postgres'
import { testPostgres } from './servers/postgres.ts'

/** A schema of a test's own in a database that the tests of this process share, with a client to look at it. */
export type TestSchema = { readonly url: string; readonly schema: string; readonly sql: Sql; readonly drop: () => Promise<void> }

let database: Promise<string> | undefined
let count = 0

export async function testSchema(): Promise<TestSchema> {
  database ??= testPostgres().then(server => server.createDatabase())
  const url = await database
  const schema = `t${process.pid}_${count++}`
  const sql = createClient(url, { max: 2, onnotice: () => {} })
  return {
    url,
    schema,
    sql,
    drop: async () => {
      await sql`drop schema if exists ${sql(schema)} cascade`
      await sql.end()
    },
  }
}

/** Empties every table of a log, and drops its tables of rows. Only a superuser can, who puts its triggers aside. */
export async function emptyLog({ sql, schema }: TestSchema): Promise<void> {
  // Truncating small tables is slower: it makes a new file of each table and index.
  await sql
    .unsafe(
      `do $$
      declare one record;
      begin
        perform set_config('session_replication_role', 'replica', true), set_config('synchronous_commit', 'off', true);
        for one in
          select relkind as kind, relname like 'rows\\_%' as of_rows, format('${schema}.%I', relname) as name from pg_class
          where relnamespace = '${schema}'::regnamespace and relkind in ('r', 'S') and relname not in ('log', 'migrations')
        loop
          if one.kind = 'S' then perform setval(one.name, 1, false);
          elsif one.of_rows then execute 'drop table ' || one.name;
          else execute 'delete from ' || one.name;
          end if;
        end loop;
        update ${schema}.log set epoch = 1 where epoch > 1;
      end $$`,
    )
    .simple()
}
