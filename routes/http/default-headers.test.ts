import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { Metrics } from '../../src/metrics/registry.ts'
import { defaultHeaders } from './default-headers.ts'
import { RequestMeter } from './request-meter.ts'

/** An app behind the middleware, and one behind those of Hono that it stands for. */
const [ours, honos] = [
  new Hono().use(defaultHeaders(new RequestMeter(new Metrics(), null))),
  new Hono().use(requestId(), secureHeaders()),
].map(app =>
  app
    .get('/json', c => c.json('hello'))
    .get('/raw', () => new Response('hello', { headers: { 'X-Frame-Options': 'DENY', 'X-Powered-By': 'us' } }))
    .get('/throws', () => {
      throw new Error('nothing')
    })
    .onError((_, c) => c.text('wrong', 500)),
) as [Hono, Hono]

const requestHeaders = async (app: Hono, path: string, id: string) => {
  const { status, headers } = await app.request(path, { headers: { 'X-Request-Id': id } })
  return { status, headers: Object.fromEntries(headers), id: headers.get('x-request-id') }
}

describe('the headers of every answer', () => {
  test.each(['/json', '/throws', '/missing'])(
    "an answer of Hono to %s has the headers that Hono's own middleware gives",
    async path => {
      const answer = await requestHeaders(ours, path, 'r1')
      expect(answer).toEqual(await requestHeaders(honos, path, 'r1'))
      expect(answer.headers).toMatchObject({ 'x-frame-options': 'SAMEORIGIN', 'x-request-id': 'r1' })
    },
  )

  test("an answer that no helper of Hono made has a request id, unlike with Hono's middleware", async () => {
    const [answer, theirs] = [await requestHeaders(ours, '/raw', 'r1'), await requestHeaders(honos, '/raw', 'r1')]
    expect(answer.headers).toEqual({ ...theirs.headers, 'x-request-id': 'r1' })
  })

  test.each([
    ['a-1_=', true],
    ['r'.repeat(255), true],
    ['r'.repeat(256), false],
    ['a b', false],
    ['', false],
  ])('a request id of the client is taken over where it is short and plain: %#', async (id, isKept) => {
    for (const app of [ours, honos]) {
      const answer = await requestHeaders(app, '/json', id)
      expect(answer.id === id).toBe(isKept)
      expect(answer.id).toMatch(/^[\w\-=]+$/)
    }
  })
})
