import { describe, expect, test } from 'bun:test'
import { accessOf } from '../../src/definitions/access/access.ts'
import { Hono } from 'hono'
import type { Services } from '../../src/runtime.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { account } from '../../src/test-support/account.ts'
import { failsAfter, failsBefore } from '../../src/test-support/failing-store.ts'
import { answerOf, client, expectProblem } from '../../src/test-support/http.ts'
import { handle } from './commands.ts'

describe('a command that fails', () => {
  test('a decision that throws answers 500 without the message, and the error is reported', async () => {
    const { post, reported } = client()
    const answer = await post('/account/a1/explode')
    expectProblem(answer, 'internal', { requestId: answer.headers.get('x-request-id') })
    expect(JSON.stringify(answer.body)).not.toContain('secret')
    expect(reported).toMatchObject([{ code: 'request-failed', cause: new Error('a secret of the decision') }])
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('a command on an unreadable stream answers 503 with the event that cannot be read', async () => {
    const { app, post, get, store, reported } = client()
    // A newer release appends it while this one serves.
    await app[spec].start()
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
    const record = { level: 'warn', code: 'stream-unreadable', fields: expect.objectContaining({ stream: 'account-a1' }) }
    expect(reported).toMatchObject([record, record])
  })

  test.each(['append', 'load'] as const)(
    'a command whose %s fails for now answers 503 with Retry-After, and a later one is accepted',
    async call => {
      const { post, store } = client()
      store.next(call, failsBefore())
      const answer = await post('/account/a1/deposit', { cents: 1 })
      expectProblem(answer, 'unavailable')
      expect(answer.headers.get('retry-after')).toBe('1')
      expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
    },
  )

  test('a command that finds the disk full answers 507 with Retry-After, and a later one is accepted', async () => {
    const { post, store } = client()
    store.next('append', failsBefore('full'))
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'storage-full')
    expect(answer.headers.get('retry-after')).toBe('10')
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('a command that the store refuses answers 500 without the message', async () => {
    const { post, store, reported } = client()
    store.next('append', failsBefore('refused'))
    const answer = await post('/account/a1/deposit', { cents: 1 })
    expectProblem(answer, 'internal', { requestId: expect.any(String) })
    expect(reported).toHaveLength(1)
  })

  test('a command whose append succeeds without a reply answers 201 and has one effect', async () => {
    const { post, store } = client()
    store.next('append', failsAfter())
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
    expect(await store.head()).toBe(1)
  })

  test('a command whose outcome stays unknown answers 503, which asks to send it again with the same key', async () => {
    const deciders = new Map([['account', account[spec]]])
    const emaki = { deciders, dispatch: async () => ({ outcome: 'unknown', retryAfterMs: 1_500 }) } as unknown as Services
    const outer = new Hono().use(async (c, next) => {
      c.set('emaki', emaki)
      c.set('emakiAccess', accessOf(undefined, []))
      await next()
    })
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"cents":1}' }
    const answer = await answerOf(await outer.post('/:id', handle(account.deposit)).request('/a1', init))
    expectProblem(answer, 'outcome-unknown')
    expect(answer.headers.get('retry-after')).toBe('2')
  })

  test('a command above the limit of waiting commands answers 503 with Retry-After', async () => {
    const { post, store } = client({ queue: { commands: 2 } })
    const gate = store.hold('append')
    const waiting = [post('/account/a1/deposit', { cents: 1 }), post('/account/a2/deposit', { cents: 1 })]
    await gate.reached
    const answer = await post('/account/a3/deposit', { cents: 1 })
    expectProblem(answer, 'unavailable')
    expect(answer.headers.get('retry-after')).toBe('1')
    gate.open()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201])
  })

  test('a command above the limit of waiting bytes answers 503, with a Content-Length or without', async () => {
    const { post, store } = client({ queue: { size: 1_000 } })
    const gate = store.hold('append')
    const waiting = post('/account/a1/deposit', { cents: 1, note: 'x'.repeat(700) })
    await gate.reached
    const note = 'x'.repeat(400)
    expectProblem(await post('/account/a2/deposit', { cents: 1, note }), 'unavailable')
    expectProblem(await post('/account/a2/deposit', { cents: 1, note }, { 'Content-Length': '423' }), 'unavailable')
    gate.open()
    expect((await waiting).status).toBe(201)
  })

  test('a command whose client disconnects before the append is not appended', async () => {
    const { app, post, store } = client()
    const gate = store.hold('append')
    const first = post('/account/a1/deposit', { cents: 1 })
    await gate.reached
    const controller = new AbortController()
    const abandoned = app.request('/account/a2/deposit', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"cents":1}',
      signal: controller.signal,
    })
    await Bun.sleep(0)
    controller.abort()
    expect((await abandoned).status).toBe(503)
    gate.open()
    await first
    expect(await store.head()).toBe(1)
  })
})
