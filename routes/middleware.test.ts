import { describe, expect, test } from 'bun:test'
import { basicAuth } from 'hono/basic-auth'
import { bearerAuth } from 'hono/bearer-auth'
import { cors } from 'hono/cors'
import { jwt, sign } from 'hono/jwt'
import { Hono, type MiddlewareHandler } from 'hono'
import { z } from 'zod'
import { decider } from '../src/definitions/decider/decider.ts'
import { events } from '../src/definitions/event/events.ts'
import { projection } from '../src/definitions/projection/projection.ts'
import { query } from '../src/definitions/query.ts'
import { expectProblem, openClient } from '../src/test-support/http.ts'

const Note = events('note', { Written: z.object({ by: z.string() }) })
const note = decider(Note, {
  initial: { by: '' },
  evolve: { Written: (_, { by }) => ({ by }) },
  commands: { write: z.object({}) },
  decide: { write: (_, _data, { actor }) => Note.Written({ by: actor ?? 'nobody' }) },
  expose: z.object({ by: z.string() }),
})
const notes = projection('notes', {
  from: Note,
  row: z.object({ by: z.string() }),
  initial: { by: '' },
  evolve: { Written: (_, { by }) => ({ by }) },
})
const fixed = query('fixed', { params: z.object({}), cache: { ttl: '1 hour', tags: () => ['fixed'] }, run: async () => 1 })
const serve = [note, notes, fixed]

const SECRET = 'a secret that only this test has'
const DERIVED = [
  ['POST', '/note/write'],
  ['POST', '/note/n1/write'],
  ['GET', '/note/n1'],
  ['GET', '/notes'],
  ['GET', '/notes/n1'],
  ['GET', '/notes/n1/events'],
  ['GET', '/fixed'],
  ['GET', '/streams/note-n1'],
  ['GET', '/events'],
  ['GET', '/commands/c1'],
  ['DELETE', '/commands/c1'],
  ['GET', '/openapi.json'],
  ['GET', '/docs'],
  ['GET', '/docs/scalar.js'],
] as const
const GUARDS: Readonly<Record<string, MiddlewareHandler>> = {
  jwt: jwt({ secret: SECRET, alg: 'HS256' }),
  bearerAuth: bearerAuth({ token: SECRET.replaceAll(' ', '-') }),
  basicAuth: basicAuth({ username: 'ada', password: SECRET }),
}

describe('middleware that app().use is given', () => {
  test.each(Object.entries(GUARDS))('%s of Hono guards every derived route, and appends nothing', async (_, guard) => {
    const { app, ask, store } = openClient({ serve })
    app.use(guard)
    for (const [method, path] of DERIVED) expectProblem(await ask(path, { method }), 'unauthenticated')
    expect(store.calls.append).toBe(0)
  })

  test('a guard refuses a WebSocket before it is upgraded', async () => {
    const { app, get } = openClient({ serve })
    app.use(GUARDS['jwt']!)
    expectProblem(await get('/events', { Upgrade: 'websocket' }), 'unauthenticated')
  })

  test.each(['/health', '/ready', '/startup', '/problems/internal'])('a guard of everything leaves %s open', async path => {
    const { app, get } = openClient({ serve })
    app.use('*', async c => c.text('refused', 401))
    await app.request('/note/n1')
    expect((await get(path)).status).toBe(200)
  })

  test('a token that jwt accepts is the actor of the command', async () => {
    const { app, post, get } = openClient({ serve, actor: c => (c.get('jwtPayload') as { sub: string }).sub })
    app.use(GUARDS['jwt']!)
    const headers = { Authorization: `Bearer ${await sign({ sub: 'ada' }, SECRET, 'HS256')}` }
    expect((await post('/note/n1/write', {}, headers)).status).toBe(201)
    expect((await get('/note/n1', headers)).body).toEqual({ by: 'ada' })
  })

  test('a guard of one path guards it, and no other', async () => {
    const { app, get, post } = openClient({ serve })
    app.use('/note/*', GUARDS['jwt']!)
    expectProblem(await post('/note/n1/write', {}), 'unauthenticated')
    expect((await get('/openapi.json')).status).toBe(200)
  })

  test.each(['all', 'on', 'post', 'basePath'])('a guard that is added by .%s comes before derived routes, too', async by => {
    const { app, post, store } = openClient({ serve })
    const guard = GUARDS['jwt']!
    if (by === 'all') app.all('/note/*', guard)
    if (by === 'on') app.on('POST', '/note/*', guard)
    if (by === 'post') app.post('/note/*', guard)
    if (by === 'basePath') app.basePath('/note').use(guard)
    expectProblem(await post('/note/n1/write', {}), 'unauthenticated')
    expect(store.calls.append).toBe(0)
  })

  test('an answer that is cached is answered only to callers whom the guard passes', async () => {
    const { app, get } = openClient({ serve })
    app.use(GUARDS['jwt']!)
    const headers = { Authorization: `Bearer ${await sign({ sub: 'ada' }, SECRET, 'HS256')}` }
    await get('/fixed', headers)
    const { status, headers: found } = await get('/fixed', headers)
    expect([status, found.get('cache-status')]).toEqual([200, 'emaki; hit'])
    expectProblem(await get('/fixed'), 'unauthenticated')
  })

  test('several run in the order given, and routes between them keep their place', async () => {
    const { app, get } = openClient({ serve })
    const ran: string[] = []
    const named =
      (name: string): MiddlewareHandler =>
      async (_, next) => {
        ran.push(name)
        await next()
      }
    app.use(named('1'), named('2')).get('/login', c => c.text('form'))
    app
      .use('/note/*', named('3'))
      .use(named('4'))
      .get('/own', c => c.text('own'))
    await get('/login')
    expect(ran.splice(0)).toEqual(['1', '2'])
    await get('/note/n1')
    expect(ran.splice(0)).toEqual(['1', '2', '3', '4'])
    await get('/own')
    expect(ran).toEqual(['1', '2', '4'])
  })

  test('cors answers preflights, and names the origin in answers, refusals and events', async () => {
    const { app, ask, get } = openClient({ serve })
    app.use(cors({ origin: 'https://shop.example' })).use('/note/*', GUARDS['jwt']!)
    const origin = { Origin: 'https://shop.example' }
    const preflight = await ask('/note/n1/write', {
      method: 'OPTIONS',
      headers: { ...origin, 'Access-Control-Request-Method': 'POST' },
    })
    expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([204, 'https://shop.example'])
    for (const path of ['/note/n1', '/fixed', '/fixed', '/openapi.json', '/nothing']) {
      const { headers } = await get(path, origin)
      expect([path, headers.get('access-control-allow-origin')]).toEqual([path, 'https://shop.example'])
    }
    const stream = await app.request('/events', { headers: origin })
    expect(stream.headers.get('access-control-allow-origin')).toBe('https://shop.example')
    await stream.body?.cancel()
  })

  test('cors does not make a preflight pass a guard that comes before it', async () => {
    const { app, ask } = openClient({ serve })
    app.use(GUARDS['jwt']!).use(cors())
    expectProblem(await ask('/note/n1/write', { method: 'OPTIONS', headers: { Origin: 'https://a.example' } }), 'unauthenticated')
  })

  test('middleware after the first request is refused, as it would guard nothing', async () => {
    const { app, get } = openClient({ serve })
    await get('/health')
    expect(() => app.use(GUARDS['jwt']!)).toThrow('matcher is already built')
  })

  test('a guard of an app that another app mounts guards it there', async () => {
    const { app } = openClient({ serve })
    app.use(GUARDS['jwt']!)
    const outer = new Hono().route('/shop', app)
    for (const [method, path] of DERIVED) expect((await outer.request(`/shop${path}`, { method })).status).toBe(401)
    expect((await outer.request('/shop/health')).status).toBe(200)
  })
})
