// A projection that keeps no rows: each is folded from its stream when it is asked for.
import { expect, test } from 'bun:test'
import { spec } from '../../src/definitions/event/events.ts'
import { query } from '../../src/definitions/query.ts'
import type { Notice } from '../../src/ports/report/notice.ts'
import { projection } from '../../src/definitions/projection/projection.ts'
import { Account, account } from '../../src/test-support/account.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'
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

test('GET of a live row with an event that cannot be folded answers 503 at that event, and the error is reported', async () => {
  const picky = projection('picky', {
    from: Account,
    live: true,
    row: z.object({ cents: z.int().max(99) }),
    initial: { cents: 0 },
    evolve: {
      Deposited: ({ cents }, data) => ({ cents: cents + data.cents }),
      Withdrawn: () => {
        throw new Error('a secret')
      },
    },
  })
  const asks = query('asks', { params: z.object({ id: z.string() }), run: async ({ id }, read) => read(picky).get(id) })
  const { app, get, post, reported, store } = client({ serve: [account, picky, asks] })
  await post('/account/a1/deposit', { cents: 5 })
  await post('/account/a1/withdraw', { cents: 4 })
  await post('/account/a2/deposit', { cents: 500 })
  for (const [key, position, parked, cause] of [
    ['a1', 1, '2', 'Error: a secret'],
    ['a2', 2, '3', expect.stringContaining('does not fit its schema')],
  ] as const) {
    for (const [path, prefer] of [
      [`/picky/${key}`, 'wait=1'],
      [`/asks?id=${key}`, 'complete'],
    ] as const) {
      const answer = await get(path, { Prefer: prefer })
      expectProblem(answer, 'parked', { projection: 'picky', position, detail: expect.any(String) })
      expect([answer.headers.get('row-parked'), String((reported.at(-1) as Notice).cause)]).toEqual([parked, cause])
    }
    const { status, body, headers } = await get(`/asks?id=${key}`)
    expect([status, body, headers.get('row-parked')]).toEqual([200, null, parked])
  }
  const unread = { id: Bun.randomUUIDv7(), type: 'Deposited', schema: 'newer', data: '{"cents":"x"}', meta: '{}' }
  await store.append([{ slices: [{ stream: 'account-a3', expect: 'any', events: [unread] }], keys: [] }])
  expectProblem(await get('/picky/a3'), 'stream-unreadable', {
    detail: expect.stringContaining('account-a3 has at version 1'),
    retryable: true,
  })
  await app[spec].stop()
})

test('GET of a live row answers with the fold of its stream as it is now, and GET of their list answers 404', async () => {
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
