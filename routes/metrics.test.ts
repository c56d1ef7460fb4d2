import { afterAll, describe, expect, test } from 'bun:test'
import { readConfig } from '../src/config.ts'
import { projection } from '../src/definitions/projection/projection.ts'
import { query } from '../src/definitions/query.ts'
import { Account, account } from '../src/test-support/account.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { failsBefore } from '../src/test-support/failing-store.ts'
import { type Client, type Headers_, expectProblem, openClient } from '../src/test-support/http.ts'
import { z } from 'zod'

afterAll(cleanUp)

const OPEN_METRICS = { Accept: 'application/openmetrics-text; version=1.0.0' }

const balances = projection('balances', {
  from: Account,
  row: z.object({ cents: z.int() }),
  initial: { cents: 0 },
  evolve: { Deposited: ({ cents }, more) => ({ cents: cents + more.cents }) },
})
const total = query('total', {
  params: z.object({}),
  cache: { ttl: '1 minute' },
  run: async (_, read) => ({ many: (await read(balances).list({})).length }),
})

/** The samples of a scrape, by name and labels as they are written. */
async function scrape({ get }: Client, headers: Headers_ = {}): Promise<ReadonlyMap<string, number>> {
  const { status, body } = await get('/metrics', headers)
  expect(status).toBe(200)
  const lines = (body as string).split('\n').filter(line => line && !line.startsWith('#'))
  return new Map(lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
}

describe('GET /metrics', () => {
  test('GET /metrics counts commands by their outcome, rejections by their code, and events by their type', async () => {
    const one = openClient()
    await one.post('/account/a1/deposit', { cents: 5, times: 2 })
    await one.post('/account/a1/withdraw', { cents: 3 })
    await one.post('/account/a1/withdraw', { cents: 30 })
    await one.post('/account/a1/explode', {})
    for (const _ of [1, 2]) await one.post('/account/a2/deposit', { cents: 1 }, { 'Idempotency-Key': 'k' })
    const found = await scrape(one)
    const ended = (command: string, outcome: string) =>
      found.get(`emaki_command_duration_seconds_count{emaki_command="account.${command}",outcome="${outcome}"}`)
    expect([ended('deposit', 'accepted'), ended('deposit', 'replayed')]).toEqual([2, 1])
    expect([ended('withdraw', 'accepted'), ended('withdraw', 'rejected'), ended('explode', 'failed')]).toEqual([1, 1, 1])
    expect(found.get('emaki_command_rejections_total{emaki_command="account.withdraw",code="insufficient"}')).toBe(1)
    expect(found.get('emaki_events_appended_total{emaki_event="account.Deposited"}')).toBe(3)
    expect(found.get('emaki_events_appended_total{emaki_event="account.Withdrawn"}')).toBe(1)
    expect(found.get('emaki_command_attempts_sum{emaki_decider="account"}')).toBe(6)
    expect(found.get('emaki_append_duration_seconds_count{outcome="done"}')).toBeGreaterThan(0)
    expect(found.get('emaki_command_waiting')).toBe(0)
  })

  test('GET /metrics counts requests by method, pattern of the route and status, and other methods as one', async () => {
    const one = openClient()
    await one.post('/account/a1/deposit', { cents: 5 })
    await one.post('/account/a2/deposit', { cents: -5 })
    await one.get('/nothing/here')
    await one.ask('/account/a1', { method: 'PURGE' })
    const found = await scrape(one)
    const answered = (method: string, route: string, status: number) =>
      found.get(
        `http_server_request_duration_seconds_count{http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"}`,
      )
    expect([answered('POST', '/account/:id/deposit', 201), answered('POST', '/account/:id/deposit', 400)]).toEqual([1, 1])
    expect([answered('GET', '', 404), answered('_OTHER', '', 405)]).toEqual([1, 1])
    expect(found.get('http_server_active_requests')).toBe(1)
  })

  test('GET /metrics counts a request that a middleware of the app refuses under the route that it was for', async () => {
    const one = openClient()
    one.app.use('/account/*', async c => c.text('no', 403))
    await one.post('/account/a1/deposit', { cents: 5 })
    const found = await scrape(one)
    const labels = 'http_request_method="POST",http_route="/account/:id/deposit",http_response_status_code="403"'
    expect(found.get(`http_server_request_duration_seconds_count{${labels}}`)).toBe(1)
  })

  test('GET /metrics counts commands that do not fit their schema, sent over HTTP or by code, as invalid', async () => {
    const one = openClient()
    await one.post('/account/a1/deposit', { cents: -5 })
    await (await one.app.runtime()).send({ ...account.deposit('a1', { cents: 5 }), data: { cents: 'five' } })
    await one.post('/account/a1/deposit', { cents: 5 })
    const found = await scrape(one)
    expect(found.get('emaki_command_invalid_total{emaki_command="account.deposit"}')).toBe(2)
    expect(found.get('emaki_command_attempts_count{emaki_decider="account"}')).toBe(1)
  })

  test('GET /metrics counts an answer of a cache like one that was made', async () => {
    const one = openClient({ serve: [account, balances, total] })
    await one.post('/account/a1/deposit', { cents: 5 })
    for (const _ of [1, 2, 3]) expect((await one.get('/total')).body).toEqual({ many: 1 })
    const found = await scrape(one)
    const name =
      'http_server_request_duration_seconds_count{http_request_method="GET",http_route="/total",http_response_status_code="200"}'
    expect(found.get(name)).toBe(3)
    const answers = (cache: string) => found.get(`emaki_query_duration_seconds_count{emaki_query="total",cache="${cache}"}`) ?? 0
    expect([answers('miss') + answers('hit'), answers('hit') > 0]).toEqual([3, true])
  })

  test('GET /metrics says of each subscription how far it is, who runs it, and what is parked', async () => {
    const one = openClient({ serve: [account, balances] })
    await one.post('/account/a1/deposit', { cents: 5 })
    const runtime = await one.app.runtime()
    await runtime.waitUntilProcessed(1)
    const found = await scrape(one)
    expect(found.get('emaki_subscription_lag{emaki_subscription="balances_v1",kind="projection"}')).toBe(0)
    expect(found.get('emaki_subscription_lag_time_seconds{emaki_subscription="balances_v1",kind="projection"}')).toBe(0)
    expect(found.get('emaki_subscription_owner{emaki_subscription="balances_v1"}')).toBe(1)
    expect(found.get('emaki_subscription_parked{emaki_subscription="balances_v1",what="key"}')).toBe(0)
    expect(found.get('emaki_subscription_events_total{emaki_subscription="balances_v1"}')).toBe(1)
    expect(found.get('emaki_log_head')).toBe(1)
  })

  test('GET /metrics answers before the store is open and while it is away, without what the store says', async () => {
    const one = openClient({ serve: [account, balances] })
    expect((await scrape(one)).has('emaki_log_head')).toBe(false)
    await one.post('/account/a1/deposit', { cents: 5 })
    one.store.always('read', failsBefore())
    const found = await scrape(one)
    expect(found.get('emaki_events_appended_total{emaki_event="account.Deposited"}')).toBe(1)
  })

  test('GET /metrics is OpenMetrics for who asks for it, and the classic text for others', async () => {
    const { get } = openClient()
    const open = await get('/metrics', OPEN_METRICS)
    expect(open.headers.get('content-type')).toStartWith('application/openmetrics-text')
    expect(open.body).toEndWith('# EOF\n')
    const classic = await get('/metrics')
    expect([classic.headers.get('content-type'), classic.headers.get('vary')]).toEqual([
      'text/plain; version=0.0.4; charset=utf-8',
      'Accept',
    ])
  })

  test('GET /metrics in production is for who may read the log, and for everybody where METRICS_PUBLIC is set', async () => {
    const settings = { NODE_ENV: 'production' }
    const token = 'a-token-of-16-characters'
    expectProblem(await openClient({ config: readConfig(settings) }).get('/metrics'), 'forbidden', { detail: expect.any(String) })
    const guarded = openClient({ config: readConfig({ ...settings, ADMIN_TOKEN: token }) })
    expect((await guarded.get('/metrics')).status).toBe(401)
    expect((await guarded.get('/metrics', { Authorization: `Bearer ${token}` })).status).toBe(200)
    expect((await openClient({ config: readConfig({ ...settings, METRICS_PUBLIC: 'true' }) }).get('/metrics')).status).toBe(200)
  })
})
