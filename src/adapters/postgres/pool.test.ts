import { expect, test } from 'bun:test'
import createClient from 'postgres'
import { startProxy } from '../../test-support/servers/proxy.ts'
import { testPostgres } from '../../test-support/servers/postgres.ts'
import { Pool } from './pool.ts'

const DEADLINE_MS = 400

test('a pool gives up a connection that hangs, which postgres.js waits for without end, and connects anew', async () => {
  const server = new URL((await testPostgres()).url)
  using proxy = startProxy({ host: server.hostname, port: Number(server.port) })
  const options = { max: 1, prepare: false, session: {}, deadlineMs: 60_000, connectTimeoutMs: 60_000 }
  const pool = new Pool(proxy.url(server.href), options)
  const bare = createClient(proxy.url(server.href), { max: 1, fetch_types: false, onnotice: () => {} })
  const ask = (given: { readonly deadlineMs?: number } = {}) =>
    pool.run(async sql => (await sql<{ n: number }[]>`select 1 as n`)[0]!.n, given)
  expect(await ask()).toBe(1)
  await bare`select 1`
  proxy.swallow(true)
  let bareHasEnded = false
  const hanging = bare`select 1`.then(
    () => {
      bareHasEnded = true
    },
    () => {
      bareHasEnded = true
    },
  )
  await expect(ask({ deadlineMs: DEADLINE_MS })).rejects.toMatchObject({
    name: 'StoreError',
    reason: 'unavailable',
    message: expect.stringContaining(`within ${DEADLINE_MS} ms`),
  })
  await expect(ask({ deadlineMs: DEADLINE_MS })).rejects.toMatchObject({ reason: 'unavailable' })
  expect(bareHasEnded).toBe(false)
  proxy.reset()
  proxy.swallow(false)
  expect(await ask()).toBe(1)
  await pool.close()
  await bare.end({ timeout: 0 })
  await hanging
})
