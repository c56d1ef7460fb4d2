import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import type { Services } from '../src/runtime.ts'
import { spec } from '../src/event/events.ts'
import { memory } from '../src/store/memory.ts'
import { account } from '../src/testing/account.ts'
import { foreign } from '../src/testing/bank.ts'
import { comesAfter, failsAfter, failsBefore } from '../src/testing/faulty-store.ts'
import { answerOf, client, expectProblem } from '../src/testing/http.ts'
import { handle } from './commands.ts'
import { app } from './app.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/
const deposited = (cents: number) => ({ type: 'Deposited', data: { cents, note: '' } })
const pick = (headers: Headers, ...names: string[]) => names.map(name => headers.get(name))

describe('an accepted command', () => {
  test('that creates its stream is 201 with Location, the version and the position', async () => {
    const { post } = client()
    await post('/account/other/deposit', { cents: 1 })
    const { status, headers, body } = await post('/account/a1/deposit', { cents: 5 })
    expect(status).toBe(201)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 1, position: 2, events: [deposited(5)] })
    expect(pick(headers, 'location', 'etag', 'event-position', 'cache-control', 'content-type')).toEqual([
      '/account/a1',
      '"1"',
      '2',
      'no-store',
      'application/json',
    ])
    expect(pick(headers, 'idempotency-replayed', 'preference-applied')).toEqual([null, null])
  })

  test('on a stream that exists is 200 without Location', async () => {
    const { post } = client()
    await post('/account/a1/deposit', { cents: 5 })
    const { status, headers, body } = await post('/account/a1/deposit', { cents: 2, times: 2 })
    expect(status).toBe(200)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 3, position: 3, events: [deposited(2), deposited(2)] })
    expect(pick(headers, 'location', 'etag', 'event-position')).toEqual([null, '"3"', '3'])
  })

  test('without events is 200, and the version is as it was', async () => {
    const { post, store } = client()
    await post('/account/other/deposit', { cents: 1 })
    await post('/account/a1/deposit', { cents: 5 })
    const { status, headers, body } = await post('/account/a1/touch')
    expect(status).toBe(200)
    expect(body).toEqual({ id: 'a1', stream: 'account-a1', version: 1, position: 2, events: [] })
    expect(pick(headers, 'location', 'etag', 'event-position')).toEqual([null, '"1"', '2'])
    expect(await store.head()).toBe(2)
  })

  test('without events on nothing is 200 at version 0', async () => {
    const { post } = client()
    const { status, body, headers } = await post('/account/a1/touch')
    expect({ status, body }).toEqual({
      status: 200,
      body: { id: 'a1', stream: 'account-a1', version: 0, position: 0, events: [] },
    })
    expect(pick(headers, 'etag', 'event-position')).toEqual(['"0"', '0'])
  })

  test('without an id in its path makes one, a UUIDv7', async () => {
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
    'on the id %j leads with its Location to the same',
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
  test('is 422 with the code and the data of the rejection', async () => {
    const { post, store } = client()
    await post('/account/a1/deposit', { cents: 5 })
    const answer = await post('/account/a1/withdraw', { cents: 6 })
    expectProblem(answer, 'command-rejected', { code: 'insufficient', data: { balance: 5, version: 1 } })
    expect(await store.head()).toBe(1)
  })
})

describe('data that does not fit', () => {
  test('is 400 with a JSON pointer to each place', async () => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', { cents: 0.5, note: {}, times: 'x' })
    const { errors } = expectProblem(answer, 'validation-failed', { errors: expect.any(Array) })
    expect(errors).toEqual([
      { pointer: '#/cents', detail: expect.any(String) },
      { pointer: '#/note', detail: expect.any(String) },
      { pointer: '#/times', detail: expect.any(String) },
    ])
    expect(store.calls.load).toBe(0)
  })

  test('is 400 where the body is not what the schema describes at all', async () => {
    const { post } = client()
    for (const body of ['[]', '"text"', '5', 'null', 'true'])
      expectProblem(await post('/account/a1/deposit', body), 'validation-failed', {
        errors: [{ pointer: '#', detail: expect.any(String) }],
      })
  })
})

describe('a body', () => {
  test('that is not there, without a content type, is {}', async () => {
    const { post } = client()
    expect((await post('/account/a1/touch')).status).toBe(200)
    expectProblem(await post('/account/a1/deposit'), 'validation-failed', {
      errors: [{ pointer: '#/cents', detail: expect.any(String) }],
    })
  })

  test.each([
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON ;charset=utf-8',
    'application/vnd.shop.v2+json',
  ])('as %s is read', async type => {
    const { post } = client()
    expect((await post('/account/a1/deposit', '{"cents":5}', { 'Content-Type': type })).status).toBe(201)
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/jsonp',
    'json',
    'text/json',
  ])('as %s is 415', async type => {
    const { post, store } = client()
    const answer = await post('/account/a1/deposit', '{"cents":5}', { 'Content-Type': type })
    expectProblem(answer, 'unsupported-media-type', { detail: expect.stringContaining(type) })
    expect(store.calls.load).toBe(0)
  })

  test('without a content type is 415', async () => {
    const { ask } = client()
    const bytes = new TextEncoder().encode('{"cents":5}')
    expectProblem(await ask('/account/a1/deposit', { method: 'POST', body: bytes }), 'unsupported-media-type', {
      detail: expect.any(String),
    })
  })

  test('that is empty and declared as JSON is 400', async () => {
    const { ask } = client()
    const answer = await ask('/account/a1/touch', { method: 'POST', headers: { 'Content-Type': 'application/json' } })
    expectProblem(answer, 'malformed-json', { detail: expect.any(String) })
  })
})

describe('a precondition', () => {
  const at3 = async () => {
    const made = client()
    await made.post('/account/a1/deposit', { cents: 5, times: 3 })
    return made
  }

  test.each([{ 'If-Match': '"3"' }, { 'If-Match': 'W/"3"' }, { 'If-Match': ' "3" ' }, { 'If-Match': '*' }])(
    'that holds lets the command pass: %j',
    async headers => {
      const { post } = await at3()
      expect(await post('/account/a1/deposit', { cents: 1 }, headers)).toMatchObject({ status: 200, body: { version: 4 } })
    },
  )

  test.each([
    [{ 'If-Match': '"2"' }, 2],
    [{ 'If-Match': 'W/"4"' }, 4],
    [{ 'If-Match': '"0"' }, 0],
    [{ 'If-None-Match': '*' }, 0],
    [{ 'If-Match': '"abc"' }, null],
    [{ 'If-Match': '"03"' }, null],
    [{ 'If-Match': '"9007199254740993"' }, null],
  ])('that does not hold is 412 with the current ETag: %j', async (headers, expected) => {
    const { post, store } = await at3()
    const answer = await post('/account/a1/deposit', { cents: 1 }, headers)
    expectProblem(answer, 'precondition-failed', { ...(expected !== null && { expected }), actual: 3, retryable: false })
    expect(answer.headers.get('etag')).toBe('"3"')
    expect(await store.head()).toBe(3)
  })

  test('that the stream does not exist is If-None-Match: *, or If-Match: "0"', async () => {
    const { post } = client()
    expect((await post('/account/a1/deposit', { cents: 1 }, { 'If-None-Match': '*' })).status).toBe(201)
    expect((await post('/account/a2/deposit', { cents: 1 }, { 'If-Match': '"0"' })).status).toBe(201)
  })

  test('that the stream exists is 412 without an ETag where it does not', async () => {
    const { post } = client()
    const answer = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '*' })
    expectProblem(answer, 'precondition-failed', { expected: 'exists', actual: 0, retryable: false })
    expect(answer.headers.get('etag')).toBeNull()
  })

  test.each([
    { 'If-Match': '3' },
    { 'If-Match': '"1", "2"' },
    { 'If-Match': '' },
    { 'If-Match': 'W/3' },
    { 'If-None-Match': '"3"' },
  ])('that cannot be read is 400: %j', async headers => {
    const { post, store } = await at3()
    expectProblem(await post('/account/a1/deposit', { cents: 1 }, headers), 'bad-header', { detail: expect.any(String) })
    expect(await store.head()).toBe(3)
  })

  test('that another process makes false is 412; without one, 200 lost attempts are 409', async () => {
    const { post, store } = await at3()
    store.next(
      'append',
      comesAfter(() => foreign(store, 'account-a1')),
    )
    const failed = await post('/account/a1/deposit', { cents: 1 }, { 'If-Match': '"3"' })
    expectProblem(failed, 'precondition-failed', { expected: 3, actual: 4, retryable: false })
    store.always(
      'append',
      comesAfter(() => foreign(store, 'account-a1')),
    )
    const lost = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(lost, 'version-conflict', { expected: 203, actual: 204, retryable: true })
  })
})

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

describe('a preference', () => {
  test('return=representation adds the state, and says so', async () => {
    const { post } = client()
    const headers = { Prefer: 'return=representation' }
    const created = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect(created).toMatchObject({ status: 201, body: { version: 1, events: [deposited(5)], state: { balance: 5 } } })
    expect(pick(created.headers, 'preference-applied', 'vary', 'location')).toEqual([
      'return=representation',
      'Prefer',
      '/account/a1',
    ])
    expect((await post('/account/a1/deposit', { cents: 5 }, headers)).body).toMatchObject({ state: { balance: 10 } })
  })

  test('return=representation shows the initial state where there are no events', async () => {
    const { post } = client()
    expect(await post('/account/a1/touch', undefined, { Prefer: 'return=representation' })).toMatchObject({
      status: 200,
      body: { version: 0, state: { balance: 0 } },
    })
  })

  test('return=representation is answered without the state where that cannot be read, as the command is accepted', async () => {
    const { post, store } = client()
    const headers = { Prefer: 'return=representation', 'Idempotency-Key': 'k' }
    await post('/account/a1/deposit', { cents: 5 }, headers)
    await post('/account/a1/deposit', { cents: 5 })
    // The first read is for what the key stands for.
    store.next('read', call => call(), failsBefore())
    const answer = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect(answer).toMatchObject({ status: 201, body: { version: 1 } })
    expect(pick(answer.headers, 'preference-applied', 'vary')).toEqual([null, 'Prefer'])
  })

  test('return=minimal has no body, and all headers', async () => {
    const { post } = client()
    const headers = { Prefer: 'return=minimal' }
    const created = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect([created.status, created.body]).toEqual([201, ''])
    const changed = await post('/account/a1/deposit', { cents: 5 }, headers)
    expect([changed.status, changed.body]).toEqual([204, ''])
    expect(pick(changed.headers, 'etag', 'event-position', 'preference-applied', 'vary')).toEqual([
      '"2"',
      '2',
      'return=minimal',
      'Prefer',
    ])
  })

  test('among others is found, and one that is not known changes nothing but Vary', async () => {
    const { post } = client()
    const found = await post('/account/a1/deposit', { cents: 5 }, { Prefer: 'wait=5, return="representation"; foo=bar' })
    expect(found.headers.get('preference-applied')).toBe('return=representation')
    const unknown = await post('/account/a1/deposit', { cents: 5 }, { Prefer: 'handling=lenient' })
    expect([unknown.status, ...pick(unknown.headers, 'preference-applied', 'vary')]).toEqual([200, null, 'Prefer'])
  })

  test('does not change how a rejection is answered', async () => {
    const { post } = client()
    const answer = await post('/account/a1/withdraw', { cents: 5 }, { Prefer: 'return=minimal' })
    expectProblem(answer, 'command-rejected', { code: 'insufficient', data: { balance: 0, version: 0 } })
  })
})

describe('the log', () => {
  const metaOf = async (headers: Record<string, string>, options = {}) => {
    const { post, get } = client(options)
    const answer = await post('/account/a1/deposit', { cents: 5 }, headers)
    const { events } = (await get('/streams/account-a1')).body as { events: { meta: Record<string, string> }[] }
    const { schema, ...meta } = events[0]!.meta
    expect(schema).toBeString()
    return { meta, request: answer.headers.get('x-request-id') }
  }

  test('knows the request by its id, which is made or taken', async () => {
    const made = await metaOf({})
    expect(made.request).toMatch(UUID)
    expect(made.meta).toEqual({ correlation: made.request!, causation: made.request! })
    const taken = await metaOf({ 'X-Request-Id': 'request-1' })
    expect(taken).toEqual({ request: 'request-1', meta: { correlation: 'request-1', causation: 'request-1' } })
  })

  test('knows what led to it, and the trace, where the request says so', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { meta } = await metaOf({ 'X-Correlation-Id': 'c.1', 'X-Causation-Id': 'e:1', traceparent })
    expect(meta).toEqual({ correlation: 'c.1', causation: 'e:1', traceparent })
  })

  test('takes no ids that could not be its own', async () => {
    const { meta, request } = await metaOf({
      'X-Request-Id': 'a b',
      'X-Correlation-Id': '<script>',
      'X-Causation-Id': 'x'.repeat(256),
      traceparent: 'nonsense',
    })
    expect(request).toMatch(UUID)
    expect(meta).toEqual({ correlation: request!, causation: request! })
  })

  test('knows who asked, where the app does', async () => {
    const actor = async (c: { req: { header(name: string): string | undefined } }) => c.req.header('x-user') ?? null
    expect((await metaOf({ 'X-User': 'ada' }, { actor })).meta).toMatchObject({ actor: 'ada' })
    expect((await metaOf({}, { actor })).meta).not.toHaveProperty('actor')
  })
})

describe('a command that fails', () => {
  test('in its decision is a 500 that does not say how, and is reported', async () => {
    const { post, reported } = client()
    const answer = await post('/account/a1/explode')
    expectProblem(answer, 'internal', { requestId: answer.headers.get('x-request-id') })
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(reported).toEqual([new Error('a secret of the decision')])
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('on a stream that cannot be read is 503 and says which event', async () => {
    const { post, get, store } = client()
    const event = { id: Bun.randomUUIDv7(), type: 'FromTheFuture', schema: 's', data: '{}', meta: '{}' }
    await store.inner.append([{ slices: [{ stream: 'account-a1', expect: 0, events: [event] }], keys: [] }])
    for (const answer of [await post('/account/a1/deposit', { cents: 1 }), await get('/account/a1')]) {
      expectProblem(answer, 'stream-unreadable', {
        detail: expect.stringContaining('account-a1 has at version 1'),
        retryable: true,
      })
      expect(answer.headers.get('retry-after')).toBe('10')
    }
    expect((await get('/streams/account-a1')).status).toBe(200)
  })

  test.each(['append', 'load'] as const)('in %s for now is 503 with Retry-After, and works again afterwards', async call => {
    const { post, store } = client()
    store.next(call, failsBefore())
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'unavailable')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('as there is no room is 507 with Retry-After, and works again afterwards', async () => {
    const { post, store } = client()
    store.next('append', failsBefore('full'))
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'storage-full')
    expect(answer.headers.get('retry-after')).toBe('10')
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('as the store refuses it is a 500 that does not say how', async () => {
    const { post, store, reported } = client()
    store.next('append', failsBefore('refused'))
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'internal', { requestId: expect.any(String) })
    expect(reported).toHaveLength(1)
  })

  test('as nobody knows what became of it is 503 until the store knows, and is there once', async () => {
    const { post, store } = client()
    store.next('append', failsAfter())
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
    expect(await store.head()).toBe(1)
  })

  test('as it stays unknown what became of it is 503, to be said again with the same key', async () => {
    const deciders = new Map([['account', account[spec]]])
    const emaki = { deciders, dispatch: async () => ({ outcome: 'unknown', retryAfterMs: 1_500 }) } as unknown as Services
    const outer = new Hono().use(async (c, next) => {
      c.set('emaki', emaki)
      await next()
    })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"cents":1}' }
    const answer = await answerOf(await outer.post('/:id', handle(account.deposit)).request('/a1', init))
    expectProblem(answer, 'outcome-unknown')
    expect(answer.headers.get('retry-after')).toBe('2')
  })

  test('as too many wait is 503 with Retry-After', async () => {
    const { post, store } = client({ queue: { commands: 2 } })
    const gate = store.hold('append')
    const taken = [post('/account/a1/deposit', { cents: 1 }), post('/account/a2/deposit', { cents: 1 })]
    await gate.reached
    const answer = await post('/account/a3/deposit', { cents: 1 })
    expectProblem(answer, 'unavailable')
    expect(answer.headers.get('retry-after')).toBe('1')
    gate.open()
    expect((await Promise.all(taken)).map(({ status }) => status)).toEqual([201, 201])
  })

  test('as too much waits is 503, whether or not its length was told', async () => {
    const { post, store } = client({ queue: { size: 1_000 } })
    const gate = store.hold('append')
    const taken = post('/account/a1/deposit', { cents: 1, note: 'x'.repeat(700) })
    await gate.reached
    const note = 'x'.repeat(400)
    expectProblem(await post('/account/a2/deposit', { cents: 1, note }), 'unavailable')
    expectProblem(await post('/account/a2/deposit', { cents: 1, note }, { 'Content-Length': '423' }), 'unavailable')
    gate.open()
    expect((await taken).status).toBe(201)
  })

  test('as its client has gone before it was on its way is not appended', async () => {
    const { app, post, store } = client()
    const gate = store.hold('append')
    const first = post('/account/a1/deposit', { cents: 1 })
    await gate.reached
    const controller = new AbortController()
    const gone = app.request('/account/a2/deposit', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"cents":1}',
      signal: controller.signal,
    })
    await Bun.sleep(0)
    controller.abort()
    expect((await gone).status).toBe(503)
    gate.open()
    await first
    expect(await store.head()).toBe(1)
  })
})

describe('handle()', () => {
  test('mounts a command anywhere on the app', async () => {
    const { app, post, ask } = client()
    app.post('/checkout/:id', handle(account.deposit)).post('/checkout', handle(account.deposit))
    expect(await post('/checkout/a1', { cents: 5 })).toMatchObject({ status: 201, body: { id: 'a1', stream: 'account-a1' } })
    expect((await post('/checkout', { cents: 5 })).status).toBe(201)
    expect((await ask('/checkout/a1', { method: 'POST', body: 'x' })).status).toBe(415)
  })

  test('mounts a command on a router of the app', async () => {
    const { app, post } = client()
    app.route('/v1', new Hono().post('/:id/pay-in', handle(account.deposit)))
    expect((await post('/v1/a1/pay-in', { cents: 5 })).status).toBe(201)
  })

  test('works where the app is mounted on another', async () => {
    const { app } = client()
    const outer = new Hono().get('/', c => c.text('outer')).route('/api', app)
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"cents":5}' }
    expect((await outer.request('/api/account/a1/deposit', init)).status).toBe(201)
    expect(await (await outer.request('/api/account/a1')).json()).toEqual({ balance: 5 })
    const bad = await outer.request('/api/account/a1/deposit', { ...init, body: '{' })
    expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
  })

  test('says what is wrong where it is outside of an app', async () => {
    const errors: Error[] = []
    const outside = new Hono().post('/:id', handle(account.deposit)).onError((error, c) => {
      errors.push(error)
      return c.text('', 500)
    })
    expect((await outside.request('/a1', { method: 'POST' })).status).toBe(500)
    expect(errors[0]!.message).toContain('/a1: a handler of Emaki is mounted outside of app({ serve })')
  })

  test('says what is wrong where the app does not serve its decider', async () => {
    const reported: unknown[] = []
    const other = app({ serve: [], store: memory(), report: error => void reported.push(error) })
    other.post('/:id', handle(account.deposit))
    expect((await other.request('/a1', { method: 'POST' })).status).toBe(500)
    expect(String(reported[0])).toContain('account')
    expect(String(reported[0])).toContain('serve')
  })
})
