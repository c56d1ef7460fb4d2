// A projection that keeps no rows: each is folded from its stream when it is asked for.
import { expect, test } from 'bun:test'
import { spec } from '../src/event/events.ts'
import { projection } from '../src/projection/projection.ts'
import { Account, account } from '../src/testing/account.ts'
import { client, expectProblem } from '../src/testing/http.ts'
import { z } from 'zod'

const statement = projection('statement', {
  from: Account,
  live: true,
  row: z.object({ moves: z.int(), cents: z.int() }),
  initial: { moves: 0, cents: 0 },
  evolve: {
    Deposited: ({ moves, cents }, data) => ({ moves: moves + 1, cents: cents + data.cents }),
    Withdrawn: ({ moves, cents }, data) => ({ moves: moves + 1, cents: cents - data.cents }),
  },
})

test('a live row is the fold of its stream as it is now, and there is no list of them', async () => {
  const { app, get, post } = client({ serve: [account, statement] })
  await post('/account/a1/deposit', { cents: 5, times: 3 })
  const { headers } = await post('/account/a1/withdraw', { cents: 4 })
  const position = headers.get('event-position')!
  const row = await get('/statement/a1', { 'Min-Position': position })
  expect([row.status, row.body, row.headers.get('event-position')]).toEqual([200, { key: 'a1', moves: 4, cents: 11 }, position])
  expect((await get('/statement/a1', { 'If-None-Match': row.headers.get('etag')! })).status).toBe(304)
  expectProblem(await get('/statement/a2'), 'row-not-found')
  expectProblem(await get('/statement'), 'not-found')
  await app[spec].stop()
})
