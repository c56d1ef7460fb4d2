import { describe, expect, test } from 'bun:test'
import { client, expectProblem } from '../../src/test-support/http.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/

const depositOf = (cents: number) => ({ type: 'Deposited', data: { cents, note: '' } })

describe('an accepted command', () => {
  test('a command that creates its stream answers 201 with Location, version and position', async () => {
    const { post } = client()
    await post('/account/other/deposit', { cents: 1 })
    const { status, headers, body } = await post('/account/a1/deposit', { cents: 5 })
    expect(status).toBe(201)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 1, position: 2, events: [depositOf(5)] })
    expect(pickHeaders(headers, 'location', 'etag', 'event-position', 'cache-control', 'content-type')).toEqual([
      '/account/a1',
      '"1"',
      '2',
      'no-store',
      'application/json',
    ])
    expect(pickHeaders(headers, 'idempotency-replayed', 'preference-applied')).toEqual([null, null])
  })

  test('a command on an existing stream answers 200 without Location', async () => {
    const { post } = client()
    await post('/account/a1/deposit', { cents: 5 })
    const { status, headers, body } = await post('/account/a1/deposit', { cents: 2, times: 2 })
    expect(status).toBe(200)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 3, position: 3, events: [depositOf(2), depositOf(2)] })
    expect(pickHeaders(headers, 'location', 'etag', 'event-position')).toEqual([null, '"3"', '3'])
  })

  test('a command that gives no events answers 200 with the unchanged version', async () => {
    const { post, store } = client()
    await post('/account/other/deposit', { cents: 1 })
    await post('/account/a1/deposit', { cents: 5 })
    const { status, headers, body } = await post('/account/a1/touch')
    expect(status).toBe(200)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 1, position: 2, events: [] })
    expect(pickHeaders(headers, 'location', 'etag', 'event-position')).toEqual([null, '"1"', '2'])
    expect(await store.head()).toBe(2)
  })

  test('a command that gives no events on a new stream answers 200 at version 0', async () => {
    const { post } = client()
    const { status, body, headers } = await post('/account/a1/touch')
    expect({ status, body }).toEqual({
      status: 200,
      body: { id: 'a1', stream: 'account-a1', version: 0, position: 0, events: [] },
    })
    expect(pickHeaders(headers, 'etag', 'event-position')).toEqual(['"0"', '0'])
  })

  test('a command without an id in its path gets a UUIDv7 as its id', async () => {
    const { post, get } = client()
    const { status, headers, body } = await post('/account/deposit', { cents: 5 })
    const { id, stream } = body as { id: string; stream: string }
    expect(status).toBe(201)
    expect(id).toMatch(UUID)
    expect(stream).toBe(`account-${id}`)
    expect(headers.get('location')).toBe(`/account/${id}`)
    expect((await get(headers.get('location')!)).body).toEqual({ balance: 5 })
  })

  test.each(["o'brien", 'a/b', 'a b', '$$', '%', 'ü', '日本', '🎁', 'toString', '__proto__', '-', '.a', 'a?b#c', 'a\nb', '"'])(
    'the Location of a new stream with the id %j leads to that stream',
    async id => {
      const { post, get } = client()
      const { status, headers, body } = await post(`/account/${encodeURIComponent(id)}/deposit`, { cents: 5 })
      expect(status).toBe(201)
      expect(body).toMatchObject({ id, stream: `account-${id}` })
      expect((await get(headers.get('location')!)).body).toEqual({ balance: 5 })
      const stream = await get(`/streams/${encodeURIComponent(`account-${id}`)}`)
      expect(stream).toMatchObject({ status: 200, body: { stream: `account-${id}`, version: 1 } })
    },
  )
})

describe('a rejected command', () => {
  test('a rejected command answers 422 with the code and the data of the rejection', async () => {
    const { post, store } = client()
    await post('/account/a1/deposit', { cents: 5 })
    const answer = await post('/account/a1/withdraw', { cents: 6 })
    expectProblem(answer, 'command-rejected', { code: 'insufficient', data: { balance: 5, version: 1 } })
    expect(await store.head()).toBe(1)
  })
})
