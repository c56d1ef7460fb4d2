// An app within another Hono app: every link of its answers leads to itself there.
import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { jwt } from 'hono/jwt'
import { spec } from '../src/definitions/event/events.ts'
import { account } from '../src/test-support/account.ts'
import { cleanUp } from '../src/test-support/cleanup.ts'
import { type Answer, answerOf, type Headers_, openClient } from '../src/test-support/http.ts'
import { until } from '../src/test-support/servers/until.ts'
import { sets, things } from '../src/test-support/shop.ts'
import type { App } from './app.ts'
import { handle } from './commands/commands.ts'
import { mountedIn, type Site } from './site.ts'

afterEach(cleanUp)

const mountApp = (): App => openClient({ serve: [account, things, sets], publicStreams: [account] }).app

/** Each way to mount an app, with the base path that its URLs then have. */
const MOUNTS: Readonly<Record<string, { readonly base: string; readonly mount: (app: App) => Site }>> = {
  nowhere: { base: '', mount: app => app },
  'at the root of another app': { base: '', mount: app => new Hono().route('/', app) },
  'at /shop': { base: '/shop', mount: app => new Hono().use((_, next) => next()).route('/shop', app) },
  'at /shop/, with a slash at its end': { base: '/shop', mount: app => new Hono().route('/shop/', app) },
  'two apps deep': { base: '/api/shop', mount: app => new Hono().route('/api', new Hono().route('/shop', app)) },
  'below a base path': { base: '/v1/shop', mount: app => new Hono().basePath('/v1').route('/shop', app) },
  'at a parameter': { base: '/a%20b', mount: app => new Hono().route('/:tenant', app) },
  'at a parameter that holds a slash': { base: '/a%2Fb/shop', mount: app => new Hono().route('/:tenant/shop', app) },
  'at a path beyond ASCII': { base: '/gr%C3%B6%C3%9Fe', mount: app => new Hono().route('/größe', app) },
}

const NOT_FOUND = 'the other app has nothing here'

type Asker = (
  path: string,
  init?: { readonly method?: string; readonly headers?: Headers_; readonly body?: string },
) => Promise<Answer>

function askerOf(site: Site): Asker {
  if (site instanceof Hono && !(spec in site)) site.notFound(c => c.text(NOT_FOUND, 404))
  return async (path, init) => answerOf(await site.fetch(new Request(`http://localhost${path}`, init)))
}

const post = (body: object, headers: Headers_ = {}) => ({
  method: 'POST',
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
})

/** Requests whose answers have links of each kind, by their paths in the app. */
const REQUESTS: readonly (readonly [path: string, init?: ReturnType<typeof post> | { readonly method: string }])[] = [
  ['/account/a%2F1/deposit', post({ cents: 1, times: 3 })],
  ['/account/deposit', post({ cents: 1 })],
  ['/own/checkout/a2', post({ cents: 1 })],
  ['/account/a3/deposit', post({ cents: 1 }, { Prefer: 'respond-async' })],
  ['/streams/account-a%2F1?limit=1'],
  ['/account/a%2F1/withdraw', post({ cents: 9 })],
  ['/account/a%2F1/deposit', post({ cents: -1 })],
  ['/account/a%2F1', { method: 'PUT' }],
  ['/account/a%2F1/nothing', post({})],
  ['/account/none'],
  ['/things/none'],
  ['/things?sort=nothing'],
  ['/commands/none'],
  ['/events?after=none'],
  ['/nothing/at/all'],
  ['/'],
  ['/problems/internal'],
  ['/problems/none'],
  ['/openapi.json'],
]

/** The links of an answer: its headers, and each text in its body that begins with a slash. */
function linksOf({ headers, body }: Answer): readonly string[] {
  const texts: string[] = []
  JSON.stringify(body, (key, value: unknown) => {
    if (typeof value === 'string' && value.startsWith('/') && key !== 'instance') texts.push(value)
    return value
  })
  const link = headers.get('link')
  return [headers.get('location'), link && /^<(.*)>/.exec(link)![1]!, ...texts].filter(one => one !== null)
}

describe('an app that is mounted', () => {
  test.each(Object.entries(MOUNTS))('%s has links that lead to itself', async (_, { base, mount }) => {
    const app = mountApp()
    app.route('/own', new Hono().post('/checkout/:id', handle(account.deposit)))
    const ask = askerOf(mount(app))
    const found = new Set<string>()
    for (const [path, init] of REQUESTS) {
      const answer = await ask(`${base}${path}`, init)
      expect([path, answer.headers.has('x-request-id') || path === '/']).toEqual([path, true])
      for (const link of linksOf(answer)) found.add(link)
    }
    const withdrawn = [...found].find(link => link.includes('/commands/'))!
    await until('the command was sent', async () => linksOf(await ask(withdrawn)).length > 0)
    for (const link of linksOf(await ask(withdrawn))) found.add(link)
    expect(found.size).toBeGreaterThan(30)
    for (const link of [...found].filter(link => link !== (base || '/'))) {
      expect(link).toStartWith(`${base}/`)
      const { status, headers } = await ask(link)
      expect([link, status, headers.has('x-request-id')]).toEqual([link, 200, true])
    }
  })

  test.each(['nowhere', 'at /shop', 'at a parameter'])('%s has an OpenAPI document whose paths lead to itself', async where => {
    const { base, mount } = MOUNTS[where]!
    const ask = askerOf(mount(mountApp()))
    const { servers, paths } = (await ask(`${base}/openapi.json`)).body as { servers: { url: string }[]; paths: object }
    expect(servers).toEqual([{ url: base || '/' }])
    // The levels of records take a DELETE.
    for (const path of Object.keys(paths).filter(path => !/\/(events|logs\/levels)$/.test(path))) {
      const { headers, body } = await ask(`${base}${path.replaceAll(/[{}]/g, '')}`, { method: 'DELETE' })
      expect([path, headers.get('content-type')]).toEqual([path, 'application/problem+json'])
      expect(body).toMatchObject({
        type: expect.stringMatching(new RegExp(`^${base}/problems/(method-not-allowed|command-not-found)$`)),
      })
    }
  })

  test('has a page of docs there whose parts are beside it', async () => {
    const ask = askerOf(new Hono().route('/shop', mountApp()))
    const page = String((await ask('/shop/docs')).body)
    const parts = [/src="([^"]+)"/, /&quot;url&quot;:&quot;([^&]+)&/].map(pattern => pattern.exec(page)![1]!)
    const paths = parts.map(part => new URL(part, 'http://localhost/shop/docs').pathname)
    expect(paths).toEqual(['/shop/docs/scalar.js', '/shop/openapi.json'])
    for (const path of paths) expect([path, (await ask(path, { method: 'HEAD' })).status]).toEqual([path, 200])
  })

  test('answers below its base path what it does not have, and leaves the rest to the other app', async () => {
    const site = new Hono().get('/', c => c.text('home')).route('/shop', mountApp())
    site.get('/shop/help', c => c.text('help')).get('/shops', c => c.text('shops'))
    const ask = askerOf(site)
    const typeOf = async (path: string, method = 'GET') => (await ask(path, { method })).body
    expect(await typeOf('/')).toBe('home')
    expect(await typeOf('/shops')).toBe('shops')
    expect(await typeOf('/nothing')).toBe(NOT_FOUND)
    expect(await typeOf('/shop/help')).toBe('help')
    for (const path of ['/shop/nothing', '/shop/account/a1/nothing'])
      expect(await typeOf(path)).toMatchObject({ type: '/shop/problems/not-found', instance: path })
    const { headers, body } = await ask('/shop/account/a1', { method: 'PUT' })
    expect([headers.get('allow'), body]).toMatchObject(['GET, HEAD', { type: '/shop/problems/method-not-allowed' }])
  })

  test('has its probes and its refusals there, also while it is guarded by the other app', async () => {
    const site = new Hono().use('/shop/account/*', jwt({ secret: 'a secret', alg: 'HS256' })).route('/shop', mountApp())
    const ask = askerOf(site)
    for (const path of ['/shop/health', '/shop/ready', '/shop/startup'])
      await until(`${path} answers`, async () => (await ask(path)).status === 200)
    expect((await ask('/shop/account/a1/deposit', post({ cents: 1 }))).status).toBe(401)
  })

  test('refuses what is added once it is mounted, as the other app would not have it', () => {
    const app = mountApp()
    new Hono().route('/shop', app)
    expect(() => app.use(jwt({ secret: 'a secret', alg: 'HS256' }))).toThrow('another app has mounted this app')
    expect(() => app.get('/late', c => c.text('late'))).toThrow('another app has mounted this app')
  })

  test('is found in the app that mounts it, which mounts one', () => {
    const app = mountApp()
    expect(mountedIn(app)).toEqual({ app, base: '' })
    expect(mountedIn(new Hono().route('/api', new Hono().route('/shop', app)))).toEqual({ app, base: '/api/shop' })
    for (const site of [new Hono().get('/', c => c.text('home')), new Hono().mount('/shop', app.fetch)])
      expect(() => mountedIn(site)).toThrow('mounts no app({ serve })')
    // An app with types of its own is one that main takes, too.
    const typed: Site = new Hono<{ Bindings: { readonly key: string }; Variables: { user: string } }>().route('/shop', app)
    expect(mountedIn(typed).base).toBe('/shop')
    const other = mountApp()
    expect(() => mountedIn(new Hono().route('/a', app).route('/b', other))).toThrow('mounts several')
  })
})

test.each(['/:id', '/a/:key', '/:stream/b', '/:slug{[a-z]+}'])(
  'a base path with a parameter of the app, as %s, is refused by name',
  async base => {
    const { app: shop, reported } = openClient({ serve: [account] })
    const outer = new Hono().route(base, shop)
    const path = base.replace(/:\w+(\{.*\})?/, 'x')
    const response = await outer.request(`${path}/account/a1/deposit`, {
      method: 'POST',
      body: '{"cents":1}',
      headers: { 'Content-Type': 'application/json' },
    })
    expect(response.status).toBe(500)
    expect(reported).toMatchObject([{ message: expect.stringContaining('its base path cannot have :') }])
    await shop[spec].stop()
  },
)
