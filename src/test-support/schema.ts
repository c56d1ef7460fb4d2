import createClient, { type Sql } from 'postgres'
import { postgres } from '../adapters/postgres/store.ts'
import type { TestedReadModel } from '../ports/read-model/contract/case.ts'
import type { TestedStore } from '../ports/store/contract/case.ts'
import type { Store } from '../ports/store/store.ts'
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

/** Empties a log, which only a superuser who puts its triggers aside can. */
export async function emptyLog({ sql, schema }: TestSchema): Promise<void> {
  await sql.begin(async tx => {
    await tx`set local session_replication_role = replica`
    // Truncating small tables is slower: it makes a new file of each table and index.
    for (const table of ['events', 'keys', 'import_rows', 'imports', 'snapshots'])
      await tx`delete from ${tx(`${schema}.${table}`)}`
    await tx`select setval(${`${schema}.positions`}, 1, false)`
  })
}

/** An empty log in a schema, as the contract wants it; `url` may lead there through something else. One schema serves all cases. */
export async function openLogIn(at: TestSchema, url: string = at.url): Promise<TestedStore> {
  const stores: Store[] = []
  const reopen = async () => {
    const store = postgres(url, { schema: at.schema })
    stores.push(store)
    await store.open()
    return store
  }
  const store = await reopen()
  await emptyLog(at)
  return {
    store,
    reopen,
    // The database's time is its own: what is stored is moved instead.
    advance: async ms => {
      await at.sql`update ${at.sql(`${at.schema}.keys`)} set until = until - ${ms} * interval '1 millisecond'`
    },
    close: async () => {
      await Promise.all(stores.map(store => store.close()))
    },
  }
}

/** An empty read model in a schema; `url` may lead there through something else. One schema serves all cases. */
export async function openReadModelIn(at: TestSchema, url: string = at.url): Promise<TestedReadModel> {
  const { store, reopen, close } = await openLogIn(at, url)
  for (const name of await store.readModel.tables()) await store.readModel.drop(name)
  const tables = ['checkpoints', 'leases', 'parked', 'serving']
  for (const table of tables) await at.sql`delete from ${at.sql(`${at.schema}.${table}`)}`
  return {
    readModel: store.readModel,
    reopen: async () => (await reopen()).readModel,
    // The database's time is its own: what is stored is moved instead.
    advance: async ms => {
      await at.sql`update ${at.sql(`${at.schema}.leases`)} set until = until - ${ms} * interval '1 millisecond'`
    },
    close,
  }
}
