// The proxy before a PostgreSQL.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import postgres from 'postgres'
import { testPostgres } from './postgres.ts'
import { type FaultProxy, startProxy } from './proxy.ts'
import { until } from './until.ts'

describe('before PostgreSQL', () => {
  let url: string
  let direct: postgres.Sql
  let database: FaultProxy

  beforeAll(async () => {
    url = await (await testPostgres()).createDatabase('proxy')
    direct = postgres(url, { max: 1 })
    await direct`create table orders (id int)`
  })
  beforeEach(() => {
    const { hostname, port } = new URL(url)
    database = startProxy({ host: hostname, port: Number(port || 5432) })
  })
  afterEach(() => database.stop())
  afterAll(() => direct.end())

  test('a proxy before PostgreSQL loses the reply to a commit that took place', async () => {
    const sql = client()
    await sql`select 1`
    database.onServerData(bytes => (Buffer.from(bytes).includes('COMMIT') ? 'cut' : 'forward'))
    await expect(sql.begin(tx => tx`insert into orders values (1)`)).rejects.toThrow()
    expect(await countOf(1)).toBe(1)
    await sql.end({ timeout: 0 })
  })

  test('a proxy before PostgreSQL loses the commit itself, so that nothing took place', async () => {
    const sql = client()
    await sql`select 1`
    database.onClientData(bytes => (Buffer.from(bytes).includes('commit') ? 'cut' : 'forward'))
    await expect(sql.begin(tx => tx`insert into orders values (2)`)).rejects.toThrow()
    expect(await countOf(2)).toBe(0)
    await sql.end({ timeout: 0 })
  })

  test('a proxy before PostgreSQL blocks a statement whose client stopped reading, and lets it go on afterwards', async () => {
    const sql = client()
    const [row] = await sql`select pg_backend_pid() as pid`
    database.pauseReading(true)
    const answer = sql`select repeat('x', 1000) from generate_series(1, 40000)`.execute()
    await until('the server waits for its client', async () => {
      const [activity] = await direct`select wait_event from pg_stat_activity where pid = ${row?.['pid']} and state = 'active'`
      return activity?.['wait_event'] === 'ClientWrite'
    })
    database.pauseReading(false)
    expect(await answer).toHaveLength(40_000)
    await sql.end()
  })

  const client = (): postgres.Sql => postgres(database.url(url), { max: 1, fetch_types: false })

  async function countOf(id: number): Promise<number> {
    const [row] = await direct<{ n: number }[]>`select count(*)::int as n from orders where id = ${id}`
    return row?.n ?? -1
  }
})
