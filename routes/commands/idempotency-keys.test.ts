import { describe, expect, test } from 'bun:test'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'

describe('an idempotency key', () => {
  const sendTwice = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const shop = client()
    await shop.post('/account/other/deposit', { cents: 1 })
    await shop.post('/account/a1/deposit', { cents: 5 })
    const keyed = { 'Idempotency-Key': 'k1', ...headers }
    const first = await shop.post(path, body, keyed)
    await shop.post('/account/a1/deposit', { cents: 100 })
    const before = await shop.store.head()
    const second = await shop.post(path, body, keyed)
    expect(await shop.store.head()).toBe(before)
    return [first, second] as const
  }
  const comparableHeaders = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'))

  test.each([
    ['that was accepted', 201, '/account/a2/deposit', { cents: 5 }, {}],
    ['that was accepted on a stream of its own making', 201, '/account/deposit', { cents: 5 }, {}],
    ['that was accepted on a stream that existed', 200, '/account/a1/deposit', { cents: 5, times: 3 }, {}],
    ['without events', 200, '/account/a1/touch', {}, {}],
    ['without events on nothing', 200, '/account/a3/touch', {}, {}],
    ['that was rejected', 422, '/account/a1/withdraw', { cents: 9 }, {}],
    ['that had a precondition', 200, '/account/a1/deposit', { cents: 9 }, { 'If-Match': '"1"' }],
    ['that preferred the state', 200, '/account/a1/deposit', { cents: 9 }, { Prefer: 'return=representation' }],
    ['that preferred little', 204, '/account/a1/deposit', { cents: 9 }, { Prefer: 'return=minimal' }],
  ])('the key of a command %s replays status, headers and body', async (_, status, path, body, headers) => {
    const [first, second] = await sendTwice(path, body, headers)
    expect(first.status).toBe(status)
    expect(second.status).toBe(status)
    expect(second.body).toEqual(first.body)
    expect(comparableHeaders(second.headers)).toEqual({ ...comparableHeaders(first.headers), 'idempotency-replayed': 'true' })
  })

  test('an idempotency key that another command has used answers 422', async () => {
    const { post } = client()
    const headers = { 'Idempotency-Key': 'k1' }
    await post('/account/a1/deposit', { cents: 5 }, headers)
    expectProblem(await post('/account/a1/deposit', { cents: 6 }, headers), 'idempotency-key-reused')
    expectProblem(await post('/account/a2/deposit', { cents: 5 }, headers), 'idempotency-key-reused')
    expect((await post('/account/a1/withdraw', { cents: 5 }, headers)).status).toBe(200)
  })

  test('an idempotency key is the same with and without quotes, headers and spaces', async () => {
    const { post } = client()
    await post('/account/a1/deposit', '{"cents":5,"note":"n"}', { 'Idempotency-Key': 'k"1'.replace('"', '') })
    const again = await post('/account/a1/deposit', ' { "note": "n", "cents": 5 }', {
      'Idempotency-Key': '"k1"',
      'X-Request-Id': 'r',
    })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  test.each(['', '""', '1, 2', '"1", "2"', 'a,b', 'ü', 'a"b', 'x'.repeat(401), `"${'x'.repeat(401)}"`, '"a', '..'])(
    'the idempotency key %j answers 400',
    async key => {
      const { post, store } = client()
      const answer = await post('/account/a1/deposit', { cents: 5 }, { 'Idempotency-Key': key })
      expectProblem(answer, 'bad-header', { detail: expect.stringContaining('Idempotency-Key') })
      expect(store.calls.append).toBe(0)
    },
  )

  test('an idempotency key stores no outcome that is invalid, conflict or unavailable', async () => {
    const { post, store } = client()
    const headers = { 'Idempotency-Key': 'k1' }
    expect((await post('/account/a1/deposit', {}, headers)).status).toBe(400)
    expect((await post('/account/a1/deposit', { cents: 5 }, { ...headers, 'If-Match': '*' })).status).toBe(412)
    store.next('append', failsBefore())
    expect((await post('/account/a1/deposit', { cents: 5 }, headers)).status).toBe(503)
    const answer = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([201, null])
  })
})
