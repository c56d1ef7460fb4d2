import { expect, test } from 'bun:test'
import { startPostgres } from '../../test-support/servers/postgres.ts'
import { postgres } from './store.ts'

test('a PostgreSQL store refuses a database whose commits are not durable', async () => {
  await using server = await startPostgres({ settings: { fsync: false } })
  await expect(postgres(server.url).open()).rejects.toThrow('fsync off')
})
