import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { z } from 'zod'
import { readConfig } from '../src/config.ts'
import { decider } from '../src/definitions/decider/decider.ts'
import { events, spec } from '../src/definitions/event/events.ts'
import { processor } from '../src/definitions/processor.ts'
import { projection } from '../src/definitions/projection/projection.ts'
import { query } from '../src/definitions/query.ts'
import { Account, account } from '../src/test-support/account.ts'
import { failsBefore } from '../src/test-support/failing-store.ts'
import { client, expectProblem } from '../src/test-support/http.ts'
import { app } from './app.ts'
import { problems, type Slug } from './http/problem.ts'

const emptyDecider = (name: string) => {
  const Family = events(name, { Done: z.object({}) })
  return decider(Family, {
    initial: {},
    evolve: { Done: state => state },
    commands: { do: z.object({}) },
    decide: { do: () => Family.Done({}) },
  })
}

const Fact = events('fact', { Done: z.object({}) })
const row = z.object({ n: z.int() })
const emptyProjection = (name: string) => projection(name, { from: Fact, row, initial: { n: 0 }, evolve: { Done: row => row } })
const emptyQuery = (name: string) => query(name, { params: z.object({}), run: async () => 1 })
const emptyProcessor = (name: string) => processor(name, { from: Fact, handle: () => {} })

describe('app()', () => {
  test.each(['streams', 'events', 'health', 'ready', 'startup', 'metrics', 'docs', 'problems', 'commands'])(
    'app() throws for a decider named as its own path /%s, and names both',
    name => {
      expect(() => app({ serve: [account, emptyDecider(name)] })).toThrow(
        new RegExp(`decider ${name} .*framework's own /${name} `),
      )
    },
  )

  test('app() throws for what is no definition, and says what it is', () => {
    for (const [wrong, message] of [
      [Account, 'found the family account: serve what decides'],
      [undefined, 'found undefined as number 2 of them, as of two files that import each other'],
    ] as const)
      expect(() => app({ serve: [account, wrong as never] })).toThrow(message)
  })

  test('app() throws for two definitions on one path, and names both', () => {
    expect(() => app({ serve: [emptyDecider('order'), account, emptyDecider('order')] })).toThrow(
      'two definitions would have the path /order: decider order twice',
    )
  })

  test.each(['streams', 'events', 'health', 'ready', 'metrics', 'docs', 'problems'])(
    'app() throws for a projection or a query named as its own path /%s',
    name => {
      for (const [kind, one] of [
        ['projection', emptyProjection(name)],
        ['query', emptyQuery(name)],
      ] as const)
        expect(() => app({ serve: [one] })).toThrow(`the ${kind} ${name} and the framework's own /${name} would have one path`)
      expect(() => app({ serve: [emptyProcessor(name)] })).not.toThrow()
    },
  )

  test('app() throws for two definitions of one name, of any kinds, and names both', () => {
    const kinds = {
      decider: emptyDecider('same'),
      projection: emptyProjection('same'),
      query: emptyQuery('same'),
      processor: emptyProcessor('same'),
    }
    for (const [kind, one] of Object.entries(kinds))
      for (const [other, two] of Object.entries(kinds))
        expect(() => app({ serve: [one, two] })).toThrow(
          kind === other
            ? `two definitions would have the path /same: ${kind} same twice`
            : `two definitions are named same: the ${kind} and the ${other}`,
        )
  })

  test('app() serves deciders whose names are members of every object', async () => {
    const { post } = client({
      serve: [emptyDecider('order'), emptyDecider('constructor')],
    })
    for (const name of ['order', 'constructor'])
      expect(await post(`/${name}/a1/do`)).toMatchObject({ status: 201, body: { stream: `${name}-a1` } })
  })

  test('app() returns a Hono app, to which routes, middleware and routers can be added', async () => {
    const { app, get, post } = client()
    app.use('/shop/*', async (c, next) => {
      await next()
      c.header('X-Shop', 'yes')
    })
    app.get('/shop/:name', c => c.json({ shop: c.req.param('name') }))
    app.route(
      '/admin',
      new Hono().get('/', c => c.text('admin')),
    )
    const { body, headers } = await get('/shop/a')
    expect([body, headers.get('x-shop')]).toEqual([{ shop: 'a' }, 'yes'])
    expect((await get('/admin')).body).toBe('admin')
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('app() gives Bun.serve the configured port and host, and never a development page', () => {
    const { port, hostname, development } = client({ config: readConfig({ PORT: '4000', HOST: '::1' }) }).app
    expect({ port, hostname, development }).toEqual({ port: 4_000, hostname: '::1', development: false })
  })

  test('the first request opens the store, and later requests do not open it again', async () => {
    const { get, store } = client()
    expect(store.calls.open).toBe(0)
    await Promise.all([get('/account/a1'), get('/account/a2'), get('/streams/account-a1')])
    expect(store.calls.open).toBe(1)
  })

  test('a request answers 503 while the store cannot be opened, and each further request tries again', async () => {
    const { post, store } = client()
    store.next('open', failsBefore(), failsBefore())
    for (const _ of [1, 2]) expectProblem(await post('/account/a1/deposit', { cents: 1 }), 'unavailable')
    expect((await post('/account/a1/deposit', { cents: 1 })).status).toBe(201)
  })

  test('a stopped app answers the commands that it had accepted, and 503 to all later requests', async () => {
    const { app, post, store } = client()
    const gate = store.hold('append')
    const accepted = post('/account/a1/deposit', { cents: 1 })
    await gate.reached
    const stopped = app[spec].stop()
    expectProblem(await post('/account/a2/deposit', { cents: 1 }), 'unavailable')
    gate.open()
    expect((await accepted).status).toBe(201)
    await stopped
  })
})

describe('every answer', () => {
  test.each([
    ['GET', '/account/nobody', 404],
    ['GET', '/nothing', 404],
    ['GET', '/health', 200],
    ['POST', '/account/a1/deposit', 400],
    ['PUT', '/account/a1/deposit', 405],
  ])('every answer has the secure headers and a request id: %s %s', async (method, path, status) => {
    const { ask } = client()
    const { status: found, headers } = await ask(path, { method, headers: { 'X-Request-Id': 'r-1' } })
    expect(found).toBe(status)
    expect(headers.get('x-request-id')).toBe('r-1')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('strict-transport-security')).toStartWith('max-age=')
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('x-powered-by')).toBeNull()
  })

  test.each(['a b', 'x'.repeat(256), '<script>', 'ä'])(
    'an answer has a new request id where the request id of the client is %j',
    async id => {
      const { get } = client()
      const { headers } = await get('/health', { 'X-Request-Id': id })
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    },
  )
})

describe('a path without a route', () => {
  test.each([
    ['GET', '/nothing'],
    ['POST', '/nobody/a1/deposit'],
    ['POST', '/account/a1/unknown'],
    ['POST', '/account/a1/toString'],
    ['POST', '/account/a1/__proto__'],
    ['POST', '/account/a1/deposit/more'],
    ['POST', '/account/a1/Deposit'],
    ['POST', '/account/a1/deposit/'],
    ['POST', '/Account/a1/deposit'],
    ['GET', '/account/'],
    ['POST', '/constructor/a1/deposit'],
    ['GET', '/problems/nothing'],
    ['GET', '/problems/toString'],
  ])('a path without a route answers 404: %s %s', async (method, path) => {
    const { ask, store } = client()
    expectProblem(await ask(path, { method }), 'not-found')
    expect(store.calls.append).toBe(0)
  })

  test('POST to a command name that the decider does not have answers 404', async () => {
    const { post } = client()
    const { status } = await post('/account/unknown', { cents: 1 })
    expect([404, 405]).toContain(status)
  })
})

describe('a method that is not allowed', () => {
  test.each([
    ['GET', '/account/a1/deposit', 'POST'],
    ['PUT', '/account/a1/deposit', 'POST'],
    ['DELETE', '/account/a1/deposit', 'POST'],
    ['PUT', '/account/a1', 'GET, HEAD'],
    ['DELETE', '/account/a1', 'GET, HEAD'],
    ['PATCH', '/account/deposit', 'GET, HEAD, POST'],
    ['POST', '/streams/account-a1', 'GET, HEAD'],
    ['DELETE', '/streams/account-a1', 'GET, HEAD'],
    ['POST', '/health', 'GET, HEAD'],
    ['POST', '/ready', 'GET, HEAD'],
    ['PUT', '/problems/internal', 'GET, HEAD'],
    ['OPTIONS', '/account/a1/deposit', 'POST'],
  ])('a method that a path does not allow answers 405 with the allowed ones: %s %s', async (method, path, allow) => {
    const { ask } = client()
    const answer = await ask(path, { method })
    expectProblem(answer, 'method-not-allowed')
    expect(answer.headers.get('allow')).toBe(allow)
  })

  test('a wrong method on a route of a user answers 405, and the right one reaches the route', async () => {
    const { app, ask } = client()
    app.get('/account/:id/deposit', c => c.text('a form')).put('/shop', c => c.text('shop'))
    expect((await ask('/account/a1/deposit', {})).body).toBe('a form')
    const answer = await ask('/shop', { method: 'DELETE' })
    expectProblem(answer, 'method-not-allowed')
    expect(answer.headers.get('allow')).toBe('PUT')
  })
})

describe('a body that is too large', () => {
  const chunked = (size: number) =>
    new ReadableStream<Uint8Array>({
      start: controller => {
        for (let i = 0; i < size; i += 100) controller.enqueue(new Uint8Array(100).fill(32))
        controller.close()
      },
    })
  const headers = { 'Content-Type': 'application/json' }

  test('a body with a Content-Length above the limit answers 413 before it is read', async () => {
    const { ask, store, reported } = client({ bodyLimit: 1_000 })
    const init = { method: 'POST', headers: { ...headers, 'Content-Length': '1001' }, body: 'x' }
    expectProblem(await ask('/account/a1/deposit', init), 'payload-too-large', { limit: 1_000 })
    expect([store.calls.append, reported]).toEqual([0, []])
  })

  test('a body without a Content-Length answers 413 once it is above the limit', async () => {
    const { ask, store, reported } = client({ bodyLimit: 1_000 })
    const answer = await ask('/account/a1/deposit', { method: 'POST', headers, body: chunked(2_000) })
    expectProblem(answer, 'payload-too-large', { limit: 1_000 })
    expect([store.calls.append, reported]).toEqual([0, []])
  })

  test('the default limit of a body is 1 MiB: a body of 1 MiB answers 201, a longer one 413', async () => {
    const { post } = client()
    const body = (size: number) => JSON.stringify({ cents: 1 }).padEnd(size)
    expect((await post('/account/a1/deposit', body(1_048_576))).status).toBe(201)
    expectProblem(await post('/account/a1/deposit', body(1_048_577)), 'payload-too-large', { limit: 1_048_576 })
  })
})

describe('problems', () => {
  test.each(Object.keys(problems) as Slug[])('GET /problems/{slug} answers with a page that says what to do: %s', async slug => {
    const { get } = client()
    const { status, body, headers } = await get(`/problems/${slug}`)
    const { fix, title } = problems[slug]
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, max-age=86400'])
    expect(body).toEqual({ type: `/problems/${slug}`, status: problems[slug].status, title, fix })
  })

  test('an HTTPException of Hono or its middleware answers with the problem of its status', async () => {
    const { app, get } = client()
    app.get('/throw/:status', c => {
      throw new HTTPException(Number(c.req.param('status')) as 400, { message: 'a secret' })
    })
    for (const [status, slug] of [
      [401, 'unauthenticated'],
      [403, 'forbidden'],
      [413, 'payload-too-large'],
      [429, 'too-many-requests'],
      [503, 'unavailable'],
    ] as const)
      expectProblem(await get(`/throw/${status}`), slug)
  })

  test('an HTTPException without a body answers with the problem of its status and its own headers', async () => {
    const { app, get } = client()
    app.get('/throw/:status', c => {
      const headers = { 'Retry-After': '7', 'WWW-Authenticate': 'Bearer', 'Content-Type': 'text/plain' }
      throw new HTTPException(Number(c.req.param('status')) as 400, { res: new Response(null, { headers }) })
    })
    for (const [status, slug] of [
      [401, 'unauthenticated'],
      [429, 'too-many-requests'],
      [503, 'unavailable'],
    ] as const) {
      const answer = await get(`/throw/${status}`)
      expectProblem(answer, slug)
      expect([answer.headers.get('retry-after'), answer.headers.get('www-authenticate')]).toEqual(['7', 'Bearer'])
    }
  })

  test('the response of an HTTPException of a user is sent unchanged', async () => {
    const { app, get } = client()
    app.get('/throw/:status', c => {
      throw new HTTPException(Number(c.req.param('status')) as 400, {
        res: new Response('mine', { status: Number(c.req.param('status')) }),
      })
    })
    for (const status of [400, 404, 409, 412, 418, 422, 429, 503]) {
      const { status: found, body } = await get(`/throw/${status}`)
      expect([found, body]).toEqual([status, 'mine'])
    }
  })

  test('a route of a user that throws answers 500 without the message of the error', async () => {
    const { app, get, reported } = client()
    app.get('/broken', () => {
      throw new Error('a secret of the route')
    })
    const answer = await get('/broken')
    expectProblem(answer, 'internal', { requestId: expect.any(String) })
    expect(reported).toMatchObject([{ code: 'request-failed', cause: new Error('a secret of the route') }])
  })
})
