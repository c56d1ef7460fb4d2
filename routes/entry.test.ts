import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { entry } from './entry.ts'

/** An app behind the middleware, and one behind those of Hono that it stands for. */
const both = [new Hono().use(entry(10)), new Hono().use(requestId(), secureHeaders())].map(app =>
  app
    .get('/json', c => c.json('hello'))
    .get('/raw', () => new Response('hello', { headers: { 'X-Frame-Options': 'DENY', 'X-Powered-By': 'us' } }))
    .get('/throws', () => {
      throw new Error('nothing')
    })
    .post('/text', async c => c.text(await c.req.text()))
    .onError((_, c) => c.text('wrong', 500)),
)
const [ours] = both as [Hono]

describe('what comes before all else', () => {
  test.each(['/json', '/raw', '/throws', '/missing'])('gives %s the headers that Hono would', async path => {
    const asked = async (app: Hono) => {
      const { status, headers } = await app.request(path, { headers: { 'X-Request-Id': 'r1' } })
      headers.delete('x-request-id')
      return [status, [...headers].sort()]
    }
    const [answer, expected] = await Promise.all(both.map(asked))
    expect(answer).toEqual(expected!)
    expect(answer![1]).toContainEqual(['x-frame-options', 'SAMEORIGIN'])
  })

  test.each([
    ['a-1_=', true],
    ['r'.repeat(255), true],
    ['r'.repeat(256), false],
    ['a b', false],
    ['', false],
  ])('keeps a request id that is short and plain: %#', async (id, isKept) => {
    for (const app of both) {
      const answer = await app.request('/json', { headers: { 'X-Request-Id': id } })
      expect(answer.headers.get('x-request-id') === id).toBe(isKept)
      expect(answer.headers.get('x-request-id')).toMatch(/^[\w\-=]+$/)
    }
  })

  test('names and secures what it refuses too', async () => {
    const { status, headers } = await ours.request('/text', { method: 'POST', body: 'x'.repeat(11) })
    expect([status, headers.get('x-content-type-options'), headers.get('content-type')]).toEqual([
      413,
      'nosniff',
      'application/problem+json',
    ])
    expect(headers.get('x-request-id')).toHaveLength(36)
    expect(await (await ours.request('/text', { method: 'POST', body: 'x'.repeat(10) })).text()).toBe('x'.repeat(10))
  })

  test('secures what failed while its body was read', async () => {
    const body = new ReadableStream({ pull: controller => controller.error(new Error('gone')) })
    const { status, headers } = await ours.request('/text', { method: 'POST', body })
    expect([status, headers.get('x-content-type-options'), headers.has('x-request-id')]).toEqual([500, 'nosniff', true])
  })
})
