import { afterAll } from 'bun:test'
import { storeContract } from '../store/contract.ts'
import { emptied, testSchema } from '../testing/schema.ts'
import { postgres } from './store.ts'

const made = testSchema()
afterAll(async () => (await made).drop())

storeContract('PostgreSQL', async () => {
  const { url, schema, sql } = await made
  const stores = [postgres(url, { schema })]
  await stores[0]!.open()
  // One schema serves all cases: making one takes longer than a case does.
  await emptied(await made)
  return {
    store: stores[0]!,
    reopen: async () => {
      const again = postgres(url, { schema })
      stores.push(again)
      await again.open()
      return again
    },
    // The database's time is its own: what is stored is moved back instead.
    advance: async ms => {
      await sql`update ${sql(`${schema}.keys`)} set until = until - ${ms} * interval '1 millisecond'`
    },
    close: async () => {
      await Promise.all(stores.map(store => store.close()))
    },
  }
})
