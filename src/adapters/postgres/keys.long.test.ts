// What an append reads to know which of its keys were used before.
import { expect, test } from 'bun:test'
import createClient from 'postgres'
import { testSchema } from '../../test-support/schema.ts'
import { postgres } from './store.ts'

const KEYS = 5_000
/** From the sixth time on a statement is planned for good. */
const PLANNED = 8

test('an append looks its keys up by their index, however few there were when it was planned', async () => {
  const at = await testSchema()
  const store = postgres(at.url, { schema: at.schema })
  await store.open()
  await store.close()
  const sql = createClient(at.url, { max: 1, onnotice: () => {}, connection: { search_path: at.schema } })
  const append = (key: string) => {
    const named = { unit: 0, key, fingerprint: '', stream: `s-${key}`, version: 1, count: 1, rejection: null, keep_ms: 60_000 }
    return sql.unsafe(
      `select * from append_v4(array['s-${key}'], '{-1}', '{0}', '{1}', '{1}', '${Bun.randomUUIDv7()}', 'T', 's', '{}', '{}', '${JSON.stringify([named])}', 1000)`,
    )
  }
  const read = async () => {
    await sql`select pg_stat_force_next_flush()`
    const [row] = await sql<{ read: number }[]>`
      select idx_tup_read::int as read from pg_stat_user_indexes where schemaname = ${at.schema} and indexrelname = 'keys_pkey'`
    return row!.read
  }
  for (let i = 0; i < PLANNED; i++) await append(`before${i}`)
  await sql.unsafe(
    `insert into keys (key, fingerprint, stream, version, count, position, until)
     select 'k' || i, '', 's', 1, 1, 1, clock_timestamp() + interval '1 hour' from generate_series(1, ${KEYS}) i`,
  )
  const before = await read()
  await append('new')
  expect((await read()) - before).toBeLessThan(10)
  const [{ failed }] = (await append('k7')) as unknown as [{ failed: { known: number[] } }]
  expect(failed.known).toEqual([0])
  await sql.end()
  await at.drop()
})
