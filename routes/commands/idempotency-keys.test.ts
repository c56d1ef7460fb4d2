import { describe, expect, test } from 'bun:test'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'

describe('an idempotency key', () => {
  const twice = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const made = client()
    await made.post('/account/other/deposit', { cents: 1 })
    await made.post('/account/a1/deposit', { cents: 5 })
    const said = { 'Idempotency-Key': 'k1', ...headers }
    const first = await made.post(path, body, said)
    await made.post('/account/a1/deposit', { cents: 100 })
    const before = await made.store.head()
    const second = await made.post(path, body, said)
    expect(await made.store.head()).toBe(before)
    return [first, second] as const
  }
  const all = (headers: Headers) => Object.fromEntries([...headers].filter(([name]) => name !== 'x-request-id'))

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
  ])('replays a command %s: same status, headers and body', async (_, status, path, body, headers) => {
    const [first, second] = await twice(path, body, headers)
    expect(first.status).toBe(status)
    expect(second.status).toBe(status)
    expect(second.body).toEqual(first.body)
    expect(all(second.headers)).toEqual({ ...all(first.headers), 'idempotency-replayed': 'true' })
  })

  test('is 422 when it is used for another command', async () => {
    const { post } = client()
    const headers = { 'Idempotency-Key': 'k1' }
    await post('/account/a1/deposit', { cents: 5 }, headers)
    expectProblem(await post('/account/a1/deposit', { cents: 6 }, headers), 'idempotency-key-reused')
    expectProblem(await post('/account/a2/deposit', { cents: 5 }, headers), 'idempotency-key-reused')
    expect((await post('/account/a1/withdraw', { cents: 5 }, headers)).status).toBe(200)
  })

  test('is the same quoted and bare, and does not depend on other headers or spaces', async () => {
    const { post } = client()
    await post('/account/a1/deposit', '{"cents":5,"note":"n"}', { 'Idempotency-Key': 'k"1'.replace('"', '') })
    const again = await post('/account/a1/deposit', ' { "note": "n", "cents": 5 }', {
      'Idempotency-Key': '"k1"',
      'X-Request-Id': 'r',
    })
    expect(again.headers.get('idempotency-replayed')).toBe('true')
  })

  test.each(['', '""', 'ü', 'a"b', 'x'.repeat(256), `"${'x'.repeat(256)}"`, '"a'])('that is %j is 400', async key => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', { cents: 5 }, { 'Idempotency-Key': key })
    expectProblem(answer, 'bad-header', { detail: expect.stringContaining('Idempotency-Key') })
    expect(store.calls.append).toBe(0)
  })

  test('keeps nothing of what was invalid, in conflict or unavailable', async () => {
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
