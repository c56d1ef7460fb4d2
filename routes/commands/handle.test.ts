import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { memory } from '../../src/ports/store/memory.ts'
import { account } from '../../src/test-support/account.ts'
import { client } from '../../src/test-support/http.ts'
import { handle } from './commands.ts'
import { app } from '../app.ts'

describe('handle()', () => {
  test('handle() mounts a command at any path of the app', async () => {
    const { app, post, ask } = client()
    app.post('/checkout/:id', handle(account.deposit)).post('/checkout', handle(account.deposit))
    expect(await post('/checkout/a1', { cents: 5 })).toMatchObject({ status: 201, body: { id: 'a1', stream: 'account-a1' } })
    expect((await post('/checkout', { cents: 5 })).status).toBe(201)
    expect((await ask('/checkout/a1', { method: 'POST', body: 'x' })).status).toBe(415)
  })

  test('handle() mounts a command on a router of the app', async () => {
    const { app, post } = client()
    app.route('/v1', new Hono().post('/:id/pay-in', handle(account.deposit)))
    expect((await post('/v1/a1/pay-in', { cents: 5 })).status).toBe(201)
  })

  test('handle() works where the app is mounted on another app', async () => {
    const { app } = client()
    const outer = new Hono().get('/', c => c.text('outer')).route('/api', app)
    const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"cents":5}' }
    expect((await outer.request('/api/account/a1/deposit', init)).status).toBe(201)
    expect(await (await outer.request('/api/account/a1')).json()).toEqual({ balance: 5 })
    const bad = await outer.request('/api/account/a1/deposit', { ...init, body: '{' })
    expect([bad.status, bad.headers.get('content-type')]).toEqual([400, 'application/problem+json'])
  })

  test('handle() outside of an app answers with what is wrong', async () => {
    const errors: Error[] = []
    const outside = new Hono().post('/:id', handle(account.deposit)).onError((error, c) => {
      errors.push(error)
      return c.text('', 500)
    })
    expect((await outside.request('/a1', { method: 'POST' })).status).toBe(500)
    expect(errors[0]!.message).toContain('/a1: a handler of Emaki is mounted outside of app({ serve })')
  })

  test('handle() of a decider that the app does not serve answers with what is wrong', async () => {
    const reported: unknown[] = []
    const other = app({ serve: [], store: memory(), report: error => void reported.push(error) })
    other.post('/:id', handle(account.deposit))
    expect((await other.request('/a1', { method: 'POST' })).status).toBe(500)
    expect(String(reported[0])).toContain('account')
    expect(String(reported[0])).toContain('serve')
  })
})
