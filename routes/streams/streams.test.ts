import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config.ts'
import { account } from '../../src/test-support/account.ts'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { type Client, client, expectProblem } from '../../src/test-support/http.ts'

type Page = { stream: string; version: number; events: { version: number; data: { note: string } }[]; next: string | null }
const PRIVATE = 'private, no-cache'
const IMMUTABLE = 'private, max-age=31536000, immutable'

const five = async (options: Parameters<typeof client>[0] = {}): Promise<Client> => {
  const bank = client(options)
  for (const note of ['1', '2', '3', '4', '5']) await bank.post('/account/a1/deposit', { cents: 1, note })
  return bank
}

describe('GET /streams/{stream}', () => {
  test('GET /streams/{stream} answers with whole events: bare types, payloads as appended, actor and time', async () => {
    const { post, get } = client({ now: () => 0, actor: () => 'ada' })
    await post('/account/other/deposit', { cents: 1 })
    await post('/account/a1/deposit', { cents: 5, note: '😀 "$$" \\ \u0000' }, { 'X-Request-Id': 'r1' })
    const { status, body } = await get('/streams/account-a1')
    expect(status).toBe(200)
    expect(body).toEqual({
      stream: 'account-a1',
      version: 1,
      events: [
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          type: 'Deposited',
          data: { cents: 5, note: '😀 "$$" \\ \u0000' },
          version: 1,
          position: 2,
          at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          meta: { correlation: 'r1', causation: 'r1', actor: 'ada', schema: expect.any(String) },
        },
      ],
      next: null,
    })
  })

  test('GET /streams/{stream} ends a page that is large enough before its limit, and links to the next', async () => {
    const { post, get } = client()
    for (let i = 0; i < 5; i++) await post('/account/a1/deposit', { cents: 1, note: 'x'.repeat(1_040_000) })
    const first = await get('/streams/account-a1')
    expect((first.body as Page).events.map(({ version }) => version)).toEqual([1, 2, 3, 4, 5])
    await post('/account/a1/deposit', { cents: 1, note: 'last' })
    const page = (await get('/streams/account-a1')).body as Page
    expect(page).toMatchObject({ version: 5, next: '/streams/account-a1?after=5&limit=100' })
    const { body, headers } = await get(page.next!)
    expect((body as Page).events.map(({ data }) => data.note)).toEqual(['last'])
    expect([first.headers.get('cache-control'), headers.get('cache-control')]).toEqual([IMMUTABLE, PRIVATE])
  })

  test('GET /streams/{stream} answers with pages by version, each linking to the next while they are full', async () => {
    const { get } = await five()
    const notes: string[] = []
    const controls: (string | null)[] = []
    let pages = 0
    for (let next: string | null = '/streams/account-a1?limit=2'; next !== null; pages++) {
      const { body, headers } = await get(next)
      const page = body as Page
      notes.push(...page.events.map(({ data }) => data.note))
      controls.push(headers.get('cache-control'))
      expect(headers.get('link')).toBe(page.next === null ? null : `<${page.next}>; rel="next"`)
      expect(headers.get('etag')).toBe(`"${page.version}"`)
      next = page.next
    }
    expect(notes).toEqual(['1', '2', '3', '4', '5'])
    expect(controls).toEqual([IMMUTABLE, IMMUTABLE, PRIVATE])
    expect(pages).toBe(3)
  })

  test('GET /streams/{stream}?order=desc answers with pages from the newest event on, each linking to the next', async () => {
    const { get } = await five()
    const pages: (readonly [notes: readonly string[], version: number, cache: string | null])[] = []
    for (let next: string | null = '/streams/account-a1?order=desc&limit=2'; next !== null; ) {
      const { body, headers } = await get(next)
      const page = body as Page
      pages.push([page.events.map(({ data }) => data.note), page.version, headers.get('cache-control')])
      expect(headers.get('link')).toBe(page.next === null ? null : `<${page.next}>; rel="next"`)
      expect(headers.get('etag')).toBe(`"${page.version}"`)
      next = page.next
    }
    // The first page changes with the next event. The second never does.
    expect(pages).toEqual([
      [['5', '4'], 5, PRIVATE],
      [['3', '2'], 3, IMMUTABLE],
      [['1'], 1, PRIVATE],
    ])
  })

  test('GET /streams/{stream} answers with the events in a window of versions, in either order', async () => {
    const { get } = await five()
    const notes = async (query: string) => {
      const { events, next } = (await get(`/streams/account-a1?${query}`)).body as Page
      return [events.map(({ data }) => data.note).join(''), next]
    }
    expect(await notes('after=1&before=4')).toEqual(['23', null])
    expect(await notes('after=1&before=4&limit=1')).toEqual(['2', '/streams/account-a1?after=2&before=4&limit=1'])
    expect(await notes('after=1&before=4&order=desc')).toEqual(['32', null])
    expect(await notes('after=1&order=desc&limit=2')).toEqual(['54', '/streams/account-a1?order=desc&before=4&after=1&limit=2'])
    expect(await notes('before=99&order=desc&limit=1')).toEqual(['5', '/streams/account-a1?order=desc&before=5&limit=1'])
    expect((await get('/streams/account-a1?before=99&order=desc&limit=1')).headers.get('cache-control')).toBe(PRIVATE)
    expect(await notes('before=1')).toEqual(['', null])
  })

  test('GET /streams/{stream}?type= answers with the last event of a type, and with 304 until there is another', async () => {
    const { get, post } = client()
    await post('/account/a1/deposit', { cents: 7, note: 'first' })
    await post('/account/a1/deposit', { cents: 5, note: 'second' })
    await post('/account/a1/withdraw', { cents: 1 })
    const last = '/streams/account-a1?order=desc&limit=1&type=account.Deposited,order.Withdrawn'
    const { body, headers } = await get(last)
    expect(body).toMatchObject({ version: 2, events: [{ type: 'Deposited', version: 2, data: { cents: 5 } }] })
    const next = '/streams/account-a1?order=desc&before=2&limit=1&type=account.Deposited%2Corder.Withdrawn'
    expect((body as Page).next).toBe(next)
    expect((await get(next)).body).toMatchObject({ events: [{ version: 1 }] })
    expect([headers.get('etag'), (await get(last, { 'If-None-Match': '"2"' })).status]).toEqual(['"2"', 304])
    expect((await get('/streams/account-a1?type=Withdrawn&type=None')).body).toMatchObject({ events: [{ version: 3 }] })
    expect((await get('/streams/account-a1?type=order.Deposited')).body).toMatchObject({ version: 3, events: [], next: null })
    expectProblem(await get('/streams/account-nobody?type=Deposited&order=desc'), 'stream-not-found')
  })

  test('GET /streams/{stream} behind the last event answers with an empty page at the current version', async () => {
    const { get } = await five()
    const { body, headers } = await get('/streams/account-a1?after=5&limit=2')
    expect(body).toEqual({ stream: 'account-a1', version: 5, events: [], next: null })
    expect(headers.get('cache-control')).toBe(PRIVATE)
    expect((await get('/streams/account-a1?after=99')).body).toMatchObject({ version: 5, events: [] })
  })

  test('GET /streams/{stream} answers with the same bytes for a full page, however much was appended since', async () => {
    const { post, app } = await five()
    const first = await (await app.request('/streams/account-a1?after=1&limit=3')).text()
    await post('/account/a1/deposit', { cents: 1, times: 50 })
    const second = await app.request('/streams/account-a1?after=1&limit=3')
    expect([second.headers.get('cache-control'), await second.text()]).toEqual([IMMUTABLE, first])
  })

  test('GET /streams/{stream} answers 304 to a client that has the version', async () => {
    const { get, post } = await five()
    for (const tag of ['"5"', 'W/"5"', '"1", "5"', '*']) {
      const { status, headers, body } = await get('/streams/account-a1', { 'If-None-Match': tag })
      expect([status, headers.get('etag'), headers.get('cache-control'), body]).toEqual([304, '"5"', PRIVATE, ''])
    }
    expect((await get('/streams/account-a1', { 'If-None-Match': '"4"' })).status).toBe(200)
    await post('/account/a1/deposit', { cents: 1 })
    expect((await get('/streams/account-a1', { 'If-None-Match': '"5"' })).status).toBe(200)
  })

  test('GET /streams/{stream} answers with a hundred events by default, and a thousand at most', async () => {
    const { post, get } = client()
    await post('/account/a1/deposit', { cents: 1, times: 1_001 })
    const length = async (query: string) => ((await get(`/streams/account-a1${query}`)).body as Page).events.length
    expect([await length(''), await length('?limit=1000'), await length('?limit=1')]).toEqual([100, 1_000, 1])
  })

  test.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=x',
    'limit=',
    'limit=1.5',
    'after=-1',
    'after=x',
    'after=01',
    'after=9007199254740993',
    'before=0',
    'before=x',
    'order=newest',
    'order=',
    `type=${Array.from({ length: 101 }, (_, i) => `T${i}`)}`,
  ])('GET /streams/{stream}?%s answers 400', async query => {
    const { get } = await five()
    expectProblem(await get(`/streams/account-a1?${query}`), 'validation-failed', {
      errors: [{ pointer: `#/${query.split('=')[0]}`, detail: expect.any(String) }],
    })
  })

  test.each(['account-nobody', 'account', 'nobody-a1', 'account-', '-a1', '-', '%00', 'account-%00', 'a'.repeat(1_000)])(
    'GET /streams/{stream} of %j, which has no events, answers 404',
    async stream => {
      const { get } = await five()
      expectProblem(await get(`/streams/${stream}`), 'stream-not-found')
    },
  )

  test('GET /streams/ without a stream answers 404', async () => {
    const { get } = client()
    expectProblem(await get('/streams'), 'not-found')
    expectProblem(await get('/streams/'), 'not-found')
  })

  test('GET /streams/{stream} answers 503 while the store does not answer', async () => {
    const { get, store } = await five()
    store.next('read', failsBefore())
    const answer = await get('/streams/account-a1')
    expectProblem(answer, 'unavailable')
    expect(answer.headers.get('retry-after')).toBe('1')
  })
})

describe('the right to read streams', () => {
  const config = (environment: Record<string, string>) => ({ config: readConfig(environment) })
  const ADMIN_TOKEN = 'a-token-of-twenty-one'

  test('GET /streams/{stream} outside of production answers everybody on this machine', async () => {
    const { get } = await five(config({ NODE_ENV: 'development' }))
    expect((await get('/streams/account-a1')).status).toBe(200)
  })

  test.each(['Production', 'staging', 'prod', 'dev'])(
    'GET /streams/{stream} answers 403 without a guard or a token where NODE_ENV is %s, as that is production',
    async NODE_ENV => {
      const { get } = await five(config({ NODE_ENV }))
      expectProblem(await get('/streams/account-a1'), 'forbidden', { detail: expect.stringMatching(/ADMIN_TOKEN/) })
    },
  )

  const open = ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']
  const closed = ['http://shop.example', 'http://10.0.0.1:3000', 'http://localhost.shop.example', 'http://127.0.0.1.nip.example']
  test.each([...open, ...closed])(
    'without a guard or a token a client of %s reads a stream only if that is this machine',
    async at => {
      const { app } = await five(config({}))
      for (const path of ['/streams/account-a1', '/events']) {
        const response = await app.request(`${at}${path}`)
        await response.body?.cancel()
        expect(response.status).toBe(open.includes(at) ? 200 : 403)
      }
    },
  )

  test.each([
    ['127.0.0.1', 200],
    ['127.8.8.8', 200],
    ['::1', 200],
    ['::ffff:127.0.0.1', 200],
    ['10.0.0.7', 403],
    ['::ffff:10.0.0.7', 403],
    ['2001:db8::1', 403],
    [undefined, 403],
  ])('without a guard or a token a client that connects from %s gets %i, whatever host it names', async (address, status) => {
    const { app } = await five(config({}))
    const server = { timeout: () => {}, upgrade: () => false, requestIP: () => (address === undefined ? null : { address }) }
    expect((await app.request('/streams/account-a1', {}, server)).status).toBe(status)
  })

  test.each(['Forwarded', 'X-Forwarded-For', 'X-Real-IP'])(
    'without a guard or a token a client that a proxy passes on (%s) answers 403',
    async header => {
      const { get } = await five(config({}))
      expectProblem(await get('/streams/account-a1', { [header]: '127.0.0.1' }), 'forbidden', { detail: expect.any(String) })
    },
  )

  test('GET /streams/{stream} in production without a guard or a token answers 403, with events or without', async () => {
    const { get } = await five(config({ NODE_ENV: 'production' }))
    const detail = 'in production nobody has access to an app that has neither a guard nor ADMIN_TOKEN'
    expectProblem(await get('/streams/account-a1'), 'forbidden', { detail })
    expectProblem(await get('/streams/account-nobody'), 'forbidden', { detail })
    expect((await get('/account/a1')).status).toBe(200)
  })

  test.each(['production', 'development'])(
    'GET /streams/{stream} answers only the bearer of ADMIN_TOKEN where it is set, in %s',
    async NODE_ENV => {
      const { get } = await five(config({ NODE_ENV, ADMIN_TOKEN }))
      const bearing = (token: string) => get('/streams/account-a1', { Authorization: token })
      expect((await bearing(`Bearer ${ADMIN_TOKEN}`)).status).toBe(200)
      const none = await get('/streams/account-a1')
      expectProblem(none, 'unauthenticated')
      expect(none.headers.get('www-authenticate')).toStartWith('Bearer')
      const wrong = await bearing('Bearer another-token')
      expectProblem(wrong, 'unauthenticated')
      expect(wrong.headers.get('www-authenticate')).toContain('invalid_token')
      for (const malformed of ['Basic dTpw', 'Bearer', 'Bearer  ', 'Bearer ü', ADMIN_TOKEN]) {
        const { status, headers } = await bearing(malformed)
        expect([400, 401]).toContain(status)
        expect(headers.get('www-authenticate')).toStartWith('Bearer')
        expect(headers.get('content-type')).toBe('application/problem+json')
      }
      expectProblem(await bearing('Basic dTpw'), 'bad-header', { detail: expect.stringContaining('Authorization') })
    },
  )

  test('GET /streams/{stream} answers only those whom the guard permits', async () => {
    const guard = async (c: { req: { header(name: string): string | undefined } }) => c.req.header('x-user') === 'ada'
    const { get } = await five({ guard, ...config({ NODE_ENV: 'production', ADMIN_TOKEN }) })
    expect((await get('/streams/account-a1', { 'X-User': 'ada' })).status).toBe(200)
    const refused = await get('/streams/account-a1', { Authorization: `Bearer ${ADMIN_TOKEN}` })
    expectProblem(refused, 'forbidden', { detail: 'the guard of the app refuses this caller' })
  })

  test('GET /streams/{stream} answers with the response of the guard where it gives one', async () => {
    const { get } = await five({ guard: () => new Response('log in', { status: 302, headers: { Location: '/login' } }) })
    const { status, headers, body } = await get('/streams/account-a1')
    expect([status, headers.get('location'), body]).toEqual([302, '/login', 'log in'])
  })

  test('GET /streams/{stream} answers 500 where the guard throws', async () => {
    const { get, reported } = await five({
      guard: () => {
        throw new Error('a secret of the guard')
      },
    })
    const answer = await get('/streams/account-a1')
    expectProblem(answer, 'internal', { requestId: expect.any(String) })
    expect(reported).toHaveLength(1)
  })

  test('GET /streams/{stream} of a public stream answers everybody, and may be cached', async () => {
    const { get } = await five({ publicStreams: [account], ...config({ NODE_ENV: 'production' }) })
    const { status, headers } = await get('/streams/account-a1')
    expect([status, headers.get('cache-control')]).toEqual([200, 'public, no-cache'])
    expect((await get('/streams/account-a1?limit=5')).headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    for (const stream of ['other-a1', 'accountX', 'accountant-a1', 'account', '-account'])
      expectProblem(await get(`/streams/${stream}`), 'forbidden', { detail: expect.any(String) })
  })
})
