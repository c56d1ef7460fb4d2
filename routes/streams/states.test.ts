import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../../src/definitions/decider/decider.ts'
import { events } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { appendAsOther } from '../../src/test-support/bank.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'

const START = Date.parse('2026-01-01T00:00:00Z')
/** Three deposits of five, one a second. */
const three = async () => {
  let now = START
  const bank = client({ store: memory({ now: () => now }) })
  for (const _ of [1, 2, 3]) {
    await bank.post('/account/a1/deposit', { cents: 5 })
    now += 1_000
  }
  return bank
}

describe('GET /{decider}/{id}', () => {
  test('GET /{decider}/{id} answers with what the decider exposes and nothing else, with version and position', async () => {
    const { post, get } = await three()
    await post('/account/other/deposit', { cents: 1 })
    const { status, headers, body } = await get('/account/a1')
    expect([status, body]).toEqual([200, { balance: 15 }])
    expect(['etag', 'event-position', 'cache-control', 'content-type'].map(name => headers.get(name))).toEqual([
      '"3"',
      '3',
      'private, no-cache',
      'application/json',
    ])
  })

  test('GET /{decider}/{id} answers with the current version, also after another process appended', async () => {
    const { get, store } = await three()
    await appendAsOther(store, 'account-a1')
    const { headers, body } = await get('/account/a1')
    expect([headers.get('etag'), body]).toEqual(['"4"', { balance: 16 }])
  })

  test('GET /{decider}/{id} answers 304 to a client that has the version', async () => {
    const { get, post } = await three()
    for (const tag of ['"3"', 'W/"3"', '"1",W/"3"', '*']) {
      const { status, headers, body } = await get('/account/a1', { 'If-None-Match': tag })
      expect([status, headers.get('etag'), body]).toEqual([304, '"3"', ''])
    }
    await post('/account/a1/deposit', { cents: 5 })
    expect((await get('/account/a1', { 'If-None-Match': '"3"' })).status).toBe(200)
  })

  test('HEAD /{decider}/{id} answers with the headers alone', async () => {
    const { ask } = await three()
    const { status, headers, body } = await ask('/account/a1', { method: 'HEAD' })
    expect([status, headers.get('etag'), body]).toEqual([200, '"3"', ''])
  })

  test('GET /{decider}/{id}?version= answers with the state at that version', async () => {
    const { get } = await three()
    const { body, headers } = await get('/account/a1?version=2')
    expect([body, headers.get('etag'), headers.get('event-position')]).toEqual([{ balance: 10 }, '"2"', '2'])
  })

  test('GET /{decider}/{id}?version= answers 404 at a version that the stream has not', async () => {
    const { get } = await three()
    expectProblem(await get('/account/a1?version=4'), 'stream-not-found', { detail: expect.stringContaining('at version 3') })
  })

  test('GET /{decider}/{id}?at= answers with the state at that time', async () => {
    const { get } = await three()
    const at = async (time: string) => (await get(`/account/a1?at=${encodeURIComponent(time)}`)).body
    expect(await at('2026-01-01T00:00:00Z')).toEqual({ balance: 5 })
    expect(await at('2026-01-01T00:00:01.999Z')).toEqual({ balance: 10 })
    expect(await at('2026-01-01T02:00:02+02:00')).toEqual({ balance: 15 })
    expect(await at('2027-01-01T00:00Z')).toEqual({ balance: 15 })
    expectProblem(await get('/account/a1?at=2025-12-31T23:59:59Z'), 'stream-not-found')
  })

  test('GET /{decider}/{id}?at= knows when an imported event happened, and ends before the first that happened later', async () => {
    const bank = await three()
    const { type, schema, data } = (await bank.store.read('account-a1', { after: 0, limit: 1 }))[0]!
    const times = ['2001-01-01T00:00:00Z', '2002-01-01T02:00:00+02:00', '2001-06-01T00:00:00Z']
    const records = times.map(occurredAt => {
      const meta = JSON.stringify({ correlation: 'c', causation: 'c', occurredAt })
      return { id: Bun.randomUUIDv7(), stream: 'account-a2', type, schema, data, meta }
    })
    const pages = async function* () {
      yield records
    }
    await Array.fromAsync(bank.store.import(pages, { source: 'test' }))
    const at = async (time: string) => (await bank.get(`/account/a2?at=${time}`)).body
    expect(await at('2001-01-01T00:00:00Z')).toEqual({ balance: 5 })
    expect(await at('2001-12-31T23:59:59Z')).toEqual({ balance: 5 })
    expect(await at('2002-01-01T00:00:00Z')).toEqual({ balance: 15 })
    expectProblem(await bank.get('/account/a2?at=2000-12-31T23:59:59Z'), 'stream-not-found')
  })

  test.each([
    'version=0',
    'version=-1',
    'version=x',
    'version=',
    'version=1.0',
    'version=99999999999999999',
    'at=',
    'at=now',
    'at=5',
    'at=2026-13-01',
    'at=2026-01-01',
    'at=2026-01-01T00:00:00',
    'at=2026-02-30T00:00:00Z',
    'at=2026-01-01Tnoon',
  ])('GET /{decider}/{id}?%s answers 400', async query => {
    const { get } = await three()
    expectProblem(await get(`/account/a1?${query}`), 'validation-failed', {
      errors: [{ pointer: `#/${query.split('=')[0]}`, detail: expect.any(String) }],
    })
  })

  test('GET /{decider}/{id} of a stream without events answers 404', async () => {
    const { get } = await three()
    expectProblem(await get('/account/nobody'), 'stream-not-found')
  })

  test.each(['%00', 'a%00b', 'x'.repeat(401)])('GET /{decider}/{id} with the id %s answers 400', async id => {
    const { get } = await three()
    expectProblem(await get(`/account/${id}`), 'validation-failed', { errors: [{ pointer: '#/id', detail: expect.any(String) }] })
  })

  test('GET /{decider}/{id} answers 503 while the store does not answer', async () => {
    const { get, store } = await three()
    store.next('load', failsBefore())
    expectProblem(await get('/account/a1'), 'unavailable')
  })

  test('GET /{decider}/{id} answers 404 where the decider exposes nothing', async () => {
    const Secret = events('secret', { Kept: z.object({}) })
    const secret = decider(Secret, {
      initial: {},
      evolve: { Kept: state => state },
      commands: { keep: z.object({}) },
      decide: { keep: () => Secret.Kept({}) },
    })
    const { post, get } = client({ serve: [secret] })
    expect((await post('/secret/a1/keep', undefined, { Prefer: 'return=representation' })).body).toEqual({
      id: 'a1',
      stream: 'secret-a1',
      version: 1,
      position: 1,
      events: [{ type: 'Kept', data: {} }],
    })
    expectProblem(await get('/secret/a1'), 'not-found')
  })
})
