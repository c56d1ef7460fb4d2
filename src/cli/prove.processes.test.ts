// doctor --prove on PostgreSQL.
import { expect, test } from 'bun:test'
import { dropScratch, scratchSchema } from '../adapters/postgres/scratch.ts'
import { type Config, readConfig, storeOf } from '../config.ts'
import { testSchema } from '../test-support/schema.ts'
import { proofsOf, type Scratch, scratchFor } from './prove.ts'

test('doctor --prove tries every promise on PostgreSQL, in a schema that is gone afterwards, and finds one whose lock does not exclude', async () => {
  const at = await testSchema()
  const config = readConfig({
    DATABASE_URL: at.url,
    DATABASE_SCHEMA: at.schema,
  })
  expect((await proofsOf(scratchFor(config))).filter(({ status }) => status !== 'ok')).toEqual([])
  const broken = (await proofsOf(() => withoutLock(at, config))).filter(({ status }) => status !== 'ok')
  expect(broken).toContainEqual(
    expect.objectContaining({
      name: 'prove order',
      found: expect.stringMatching(/^a reader at the head was never shown|^an append failed/),
    }),
  )
  const left = await at.sql`select nspname from pg_namespace where nspname like 'emaki_prove_%'`
  expect([...left]).toEqual([])
  await expect(dropScratch(at.url, at.schema)).rejects.toThrow('is no scratch schema')
  await at.drop()
})

/** A schema in which every append takes a lock of its own, and is slow to commit. */
async function withoutLock(at: Awaited<ReturnType<typeof testSchema>>, config: Config): Promise<Scratch> {
  const schema = scratchSchema()
  const open = async () => {
    const store = await storeOf({ ...config, DATABASE_SCHEMA: schema })
    await store.open()
    return store
  }
  await (await open()).close()
  await at.sql
    .unsafe(
      `create or replace function ${schema}.lock_key_v1() returns bigint language sql volatile return (random() * 1e15)::bigint;
      create function ${schema}.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(random() * 0.005); return null; end $$;
      create trigger slow after insert on ${schema}.events for each statement execute function ${schema}.slow()`,
    )
    .simple()
  return { open, drop: () => dropScratch(at.url, schema) }
}
