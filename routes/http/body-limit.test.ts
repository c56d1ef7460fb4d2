// A route may take larger bodies than the app does, or smaller ones.
import { describe, expect, test } from 'bun:test'
import { type Handler, Hono } from 'hono'
import { account } from '../../src/test-support/account.ts'
import { client, expectProblem } from '../../src/test-support/http.ts'
import { handle } from '../commands/commands.ts'
import { limitBody } from './body-limit.ts'

describe('the limit of a body that limitBody gives a route', () => {
  const size = async (one: ReturnType<typeof client>, path: string, bytes: number) =>
    (await one.ask(path, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body: 'x'.repeat(bytes) })).status

  test('it counts there alone, whether it is larger or smaller than that of the app, and wherever the app is', async () => {
    const one = client({ bodyLimit: 1_000 })
    const read: Handler = async c => c.text(String((await c.req.text()).length))
    one.app.post('/large', limitBody(2_000), read).post('/small', limitBody(10), read).post('/other', read)
    one.app.use('/all/*', limitBody(20)).post('/all/of/:it', limitBody(30), read).post('/all/others', read)
    const site = new Hono().route('/shop', one.app)
    for (const [path, limit] of [
      ['/large', 2_000],
      ['/small', 10],
      ['/other', 1_000],
      ['/all/of/it', 30],
      ['/all/others', 20],
    ] as const) {
      expect([path, await size(one, path, limit), await size(one, path, limit + 1)]).toEqual([path, 200, 413])
      const body = new TextEncoder().encode('x'.repeat(limit + 1))
      expect((await site.request(`/shop${path}`, { method: 'POST', body })).status).toBe(413)
    }
  })

  test('it counts for a command that handle serves, and for a body in chunks', async () => {
    const { app, post, ask } = client({ bodyLimit: 1_000 })
    app.post('/deposit/:id', limitBody(5_000), handle(account.deposit))
    const body = JSON.stringify({ cents: 1 })
    expect((await post('/deposit/a1', body.padEnd(5_000))).status).toBe(201)
    const chunks = new Blob([body.padEnd(5_001)]).stream()
    const answer = await ask('/deposit/a1', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: chunks })
    expectProblem(answer, 'payload-too-large', { limit: 5_000 })
  })

  test.each([0, -1, 1.5, Number.NaN, 134_217_729])('it is refused where it is %d', bytes => {
    expect(() => limitBody(bytes)).toThrow('expected whole bytes from 1 to 134217728')
  })
})
