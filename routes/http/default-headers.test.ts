import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { secureHeaders } from 'hono/secure-headers'
import { defaultHeaders } from './default-headers.ts'

/** An app behind the middleware, and one behind those of Hono that it stands for. */
const [ours, honos] = [new Hono().use(defaultHeaders), new Hono().use(requestId(), secureHeaders())].map(app =>
  app
    .get('/json', c => c.json('hello'))
    .get('/raw', () => new Response('hello', { headers: { 'X-Frame-Options': 'DENY', 'X-Powered-By': 'us' } }))
    .get('/throws', () => {
      throw new Error('nothing')
    })
    .onError((_, c) => c.text('wrong', 500)),
) as [Hono, Hono]

const asked = async (app: Hono, path: string, id: string) => {
  const { status, headers } = await app.request(path, { headers: { 'X-Request-Id': id } })
  return { status, headers: Object.fromEntries(headers), id: headers.get('x-request-id') }
}

describe('the headers of every answer', () => {
  test.each(['/json', '/throws', '/missing'])('are those that middleware of Hono gives %s', async path => {
    const answer = await asked(ours, path, 'r1')
    expect(answer).toEqual(await asked(honos, path, 'r1'))
    expect(answer.headers).toMatchObject({ 'x-frame-options': 'SAMEORIGIN', 'x-request-id': 'r1' })
  })

  test('are on an answer that no helper of Hono made, which Hono leaves without an id', async () => {
    const [answer, theirs] = [await asked(ours, '/raw', 'r1'), await asked(honos, '/raw', 'r1')]
    expect(answer.headers).toEqual({ ...theirs.headers, 'x-request-id': 'r1' })
  })

  test.each([
    ['a-1_=', true],
    ['r'.repeat(255), true],
    ['r'.repeat(256), false],
    ['a b', false],
    ['', false],
  ])('take over a request id that is short and plain: %#', async (id, isKept) => {
    for (const app of [ours, honos]) {
      const answer = await asked(app, '/json', id)
      expect(answer.id === id).toBe(isKept)
      expect(answer.id).toMatch(/^[\w\-=]+$/)
    }
  })
})
