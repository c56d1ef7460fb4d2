import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Cache } from '../src/cache/cache.ts'
import { memoryCache } from '../src/cache/memory.ts'
import { spec } from '../src/event/events.ts'
import { query } from '../src/query/query.ts'
import type { Served } from '../src/runtime.ts'
import { memory } from '../src/store/memory.ts'
import { type Client, client, expectProblem } from '../src/testing/http.ts'
import { processor } from '../src/processor/processor.ts'
import { looks, sets, shelves, Thing, thing, things } from '../src/testing/shop.ts'
import { until } from '../src/testing/servers/until.ts'
import type { AppOptions } from './app.ts'
import { untilProcessed } from '../src/testing/until-processed.ts'

const open: Client[] = []
afterEach(async () => {
  for (const { app } of open.splice(0)) await app[spec].stop()
})

function shop(queries: readonly Served[], options: Partial<AppOptions> = {}) {
  const made = client({ serve: [thing, things, shelves, sets, ...queries], ...options })
  open.push(made)
  const say = async (id: string, command: string, body: object = {}) => {
    const { status, headers } = await made.post(`/thing/${id}/${command}`, body)
    expect(status).toBeOneOf([200, 201])
    return headers.get('event-position')!
  }
  return { ...made, say }
}

const at = (position: string, rest: Record<string, string> = {}) => ({ 'Min-Position': position, ...rest })
const shown = ({ headers }: { readonly headers: Headers }, ...names: readonly string[]) => names.map(name => headers.get(name))

describe('the parameters of a query', () => {
  const echo = (params: z.ZodObject) => query('echo', { params, run: async params => ({ params }) })
  const asked = async (params: z.ZodObject, search: string) => shop([echo(params)]).get(`/echo${search}`)

  const all = z.object({
    text: z.string().optional(),
    whole: z.int().optional(),
    real: z.number().optional(),
    flag: z.boolean().optional(),
    one: z.enum(['a', 'b', '1']).optional(),
    maybe: z.string().nullable().optional(),
    list: z.array(z.string()).optional(),
    numbers: z.array(z.int()).optional(),
    either: z.union([z.int(), z.boolean()]).optional(),
    coerced: z.coerce.number().optional(),
    day: z.iso.date().optional(),
    cut: z.string().trim().optional(),
  })

  test.each<[string, object]>([
    ['', {}],
    ['?', {}],
    ['?text=', { text: '' }],
    ['?text=5', { text: '5' }],
    ['?text=null', { text: 'null' }],
    ['?text=a+b%2Bc%26%3D%3F', { text: 'a b+c&=?' }],
    ['?text=%F0%9F%8E%81', { text: '🎁' }],
    ['?whole=5&real=-1.5e3', { whole: 5, real: -1_500 }],
    ['?flag=true', { flag: true }],
    ['?one=1', { one: '1' }],
    ['?maybe=null', { maybe: null }],
    ['?maybe=x', { maybe: 'x' }],
    ['?list=a', { list: ['a'] }],
    ['?list=1&list=2', { list: ['1', '2'] }],
    ['?numbers=1', { numbers: [1] }],
    ['?numbers=1&numbers=2', { numbers: [1, 2] }],
    ['?either=false', { either: false }],
    ['?coerced=7', { coerced: 7 }],
    ['?day=2026-01-31', { day: '2026-01-31' }],
    ['?cut=%20x%20', { cut: 'x' }],
    ['#text=5', {}],
  ])('%s are %j', async (search, params) => {
    expect((await asked(all, search)).body).toEqual({ params })
  })

  test.each<[string, string]>([
    ['?other=1', '#/other'],
    ['?__proto__=1', '#/__proto__'],
    ['?constructor=1', '#/constructor'],
    ['?toString=', '#/toString'],
    ['?whole=x', '#/whole'],
    ['?whole=', '#/whole'],
    ['?whole=01', '#/whole'],
    ['?whole=1.5', '#/whole'],
    ['?whole=1&whole=2', '#/whole'],
    ['?real=1e999', '#/real'],
    ['?flag=yes', '#/flag'],
    ['?one=c', '#/one'],
    ['?text=a&text=b', '#/text'],
    ['?text=%00', '#/text'],
    ['?numbers=1&numbers=x', '#/numbers/1'],
    ['?text=%FF', '#'],
    ['?text=%zz', '#'],
  ])('%s are 400 at %s', async (search, pointer) => {
    expectProblem(await asked(all, search), 'validation-failed', { errors: [{ pointer, detail: expect.any(String) }] })
  })

  test('that are missing are 400, or what their default says', async () => {
    const params = z.object({ id: z.string().min(1), limit: z.int().max(9).default(5) })
    expectProblem(await asked(params, ''), 'validation-failed', { errors: [{ pointer: '#/id', detail: expect.any(String) }] })
    expect((await asked(params, '?id=a')).body).toEqual({ params: { id: 'a', limit: 5 } })
  })

  test('that fit one by one, and not together, are 400', async () => {
    const params = z
      .object({ from: z.int(), to: z.int() })
      .refine(({ from, to }) => from < to, { path: ['to'], error: 'before from' })
    expectProblem(await asked(params, '?from=2&to=1'), 'validation-failed', {
      errors: [{ pointer: '#/to', detail: 'before from' }],
    })
  })
})

const prices = query('prices', {
  params: z.object({ shelf: z.enum(['top', 'low']) }),
  run: async ({ shelf }, read) => {
    const found = await read(things).list({ shelf }, { sort: '-price' })
    return { prices: found.map(({ price }) => price), times: (await read(shelves).get(shelf))?.times ?? 0 }
  },
})
/** Counts how often each is made. */
function counted(
  options: { readonly stale?: '1 hour'; readonly public?: boolean; readonly ttl?: '1 hour' | '0.001 seconds' } = {},
) {
  const made = { times: 0 }
  const { ttl = '1 hour', ...rest } = options
  const named = query('named', {
    params: z.object({ name: z.string() }),
    cache: { ttl, tags: ({ name }) => [`name:${name}`], ...rest },
    run: async ({ name }, read) => {
      const found = await read(things).list({ name })
      made.times++
      return found.length ? found.map(({ key, price }) => ({ key, price })) : null
    },
  })
  return { named, made }
}

describe('the answer to a query', () => {
  test('is made of rows, with its place in the log and a tag', async () => {
    const { say, get } = shop([prices])
    await say('a', 'set', looks('apple', { price: 2 }))
    const position = await say('b', 'set', looks('pear', { price: 3 }))
    const answer = await get('/prices?shelf=top', at(position))
    expect([answer.status, answer.body]).toEqual([200, { prices: [3, 2], times: 2 }])
    expect(shown(answer, 'event-position', 'cache-control', 'cache-status', 'age', 'vary')).toEqual([
      '2',
      'private, no-cache',
      null,
      null,
      null,
    ])
    const again = await get('/prices?shelf=top', at(position, { 'If-None-Match': answer.headers.get('etag')! }))
    expect([again.status, again.body, ...shown(again, 'etag', 'event-position')]).toEqual([
      304,
      '',
      answer.headers.get('etag'),
      '2',
    ])
    expect((await get('/prices?shelf=low', at(position))).body).toEqual({ prices: [], times: 0 })
  })

  test('that is nothing is null', async () => {
    const nothing = query('nothing', { params: z.object({}), run: async () => undefined })
    const { status, body } = await shop([nothing]).get('/nothing')
    expect([status, body]).toEqual([200, null])
  })

  test('that fails is 500, and reported', async () => {
    const broken = query('broken', { params: z.object({}), run: async () => Promise.reject(new Error('a secret of the query')) })
    const listed = query('listed', { params: z.object({}), run: async (_, read) => read(sets).list() })
    const { get, reported } = shop([broken, listed])
    expectProblem(await get('/broken'), 'internal', { requestId: expect.any(String) })
    expectProblem(await get('/listed'), 'internal', { requestId: expect.any(String) })
    expect(reported.map(String)).toEqual(['Error: a secret of the query', expect.stringContaining('sets is live')])
  })

  test('of a live projection is as new as the log', async () => {
    const times = query('times', { params: z.object({ id: z.string() }), run: async ({ id }, read) => read(sets).get(id) })
    const { say, get } = shop([times])
    const position = await say('a', 'set', looks('apple'))
    expect((await get('/times?id=a', at(position))).body).toEqual({ key: 'a', times: 1 })
    expect((await get('/times?id=b')).body).toBeNull()
  })

  test('that is asked for at a parked row is 503 to who knows of its event, and to nobody else', async () => {
    const one = query('one', { params: z.object({}), cache: { ttl: '1 hour' }, run: async (_, read) => read(things).get('a') })
    const { say, get } = shop([one])
    await say('a', 'set', looks('apple'))
    const position = await say('a', 'poison')
    const answers = await Promise.all([get('/one', at(position)), get('/one'), get('/one', at(position)), get('/one')])
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 503, 200])
    expect((await get('/one?min-position=1')).body).toMatchObject({ key: 'a' })
    expect((await get(`/one?min-position=${position}`)).status).toBe(503)
  })

  test('that counts or lists says that a row has stopped, for as long as it has, and is 503 to who knows of its event', async () => {
    const pears = query('pears', {
      params: z.object({}),
      cache: { ttl: '1 hour', public: true },
      run: async (_, read) => [await read(things).count({ name: 'pear' }), (await read(things).list({ name: 'pear' })).length],
    })
    const { say, get, app } = shop([pears])
    await say('a', 'set', looks('apple'))
    const emaki = await app[spec].start()
    const { store } = emaki
    await untilProcessed(emaki, 1)
    expect(shown(await get('/pears'), 'cache-status', 'row-parked')).toEqual(['emaki; fwd=miss', null])
    expect(shown(await get('/pears'), 'cache-status', 'row-parked')).toEqual(['emaki; hit', null])
    await say('a', 'poison')
    const position = Number(await say('a', 'set', looks('pear')))
    await untilProcessed(emaki, position)
    for (let i = 0; i < 2; i++) {
      const answer = await get('/pears')
      expect([answer.status, answer.body]).toEqual([200, [0, 0]])
      expect(shown(answer, 'row-parked', 'event-position', 'cache-control', 'surrogate-key')).toEqual([
        '2',
        '1',
        'private, no-cache',
        null,
      ])
      for (const known of [2, position]) {
        const refused = await get('/pears', at(`${known}`))
        expectProblem(refused, 'parked', { projection: 'things', position, detail: expect.any(String) })
        expect(refused.headers.get('row-parked')).toBe('2')
      }
    }
    await store.readModel.unpark('things_v1', 'a', 'skip')
    await until('it goes on', async () => (await get('/pears')).headers.get('row-parked') === null)
    expect((await get('/pears', at(`${position}`))).body).toEqual([1, 1])
  })
})

describe('an answer that is kept', () => {
  test('is a miss, then a hit with its age, and 304 to who has it', async () => {
    const { named, made } = counted()
    let now = Date.parse('2026-01-01')
    const { say, get } = shop([named], { now: () => now })
    const position = await say('a', 'set', looks('apple'))
    const miss = await get('/named?name=apple', at(position))
    now += 61_500
    const hit = await get('/named?name=apple', at(position))
    expect([miss.body, hit.body]).toEqual([[{ key: 'a', price: 1 }], [{ key: 'a', price: 1 }]])
    expect(shown(miss, 'cache-status', 'age', 'cache-control', 'vary')).toEqual([
      'emaki; fwd=miss',
      '0',
      'private, no-cache',
      null,
    ])
    expect(shown(hit, 'cache-status', 'age', 'etag', 'event-position')).toEqual([
      'emaki; hit',
      '61',
      miss.headers.get('etag'),
      '1',
    ])
    const known = await get('/named?name=apple', { 'If-None-Match': miss.headers.get('etag')! })
    expect([known.status, ...shown(known, 'cache-status', 'age')]).toEqual([304, 'emaki; hit', '61'])
    expect(made.times).toBe(1)
  })

  test('is made anew as soon as a row that it was made of changes, and by no other', async () => {
    const { named, made } = counted()
    const { say, get, app } = shop([named])
    const seen = async (position: string) => untilProcessed(await app[spec].start(), Number(position))
    const asked = async () => {
      const answer = await get('/named?name=apple')
      return [answer.headers.get('cache-status')!.replace('emaki; ', ''), answer.body]
    }
    await seen(await say('a', 'set', looks('apple')))
    expect(await asked()).toEqual(['fwd=miss', [{ key: 'a', price: 1 }]])
    await seen(await say('b', 'set', looks('pear')))
    expect(await asked()).toEqual(['hit', [{ key: 'a', price: 1 }]])
    await seen(await say('a', 'set', looks('apple', { price: 2 })))
    expect(await asked()).toEqual(['fwd=miss', [{ key: 'a', price: 2 }]])
    await seen(await say('b', 'set', looks('apple')))
    expect(await asked()).toEqual([
      'fwd=miss',
      [
        { key: 'a', price: 2 },
        { key: 'b', price: 1 },
      ],
    ])
    await seen(await say('a', 'set', looks('fig')))
    expect(await asked()).toEqual(['fwd=miss', [{ key: 'b', price: 1 }]])
    await seen(await say('b', 'remove'))
    expect(await asked()).toEqual(['fwd=miss', null])
    expect(await asked()).toEqual(['hit', null])
    expect(made.times).toBe(5)
  })

  test('is no answer to who knows of a later event, and one at the head once he has waited', async () => {
    const { named } = counted()
    const { say, get } = shop([named])
    await get('/named?name=apple')
    for (let price = 0; price < 20; price++) {
      const position = await say('a', 'set', looks('apple', { price }))
      expect((await get(`/named?name=apple&min-position=${position}`)).body).toEqual([{ key: 'a', price }])
    }
  })

  test('is given for a while after its time, and made anew behind it', async () => {
    const { named } = counted({ stale: '1 hour' })
    let now = Date.parse('2026-01-01')
    const { say, get } = shop([named], { now: () => now })
    const position = await say('a', 'set', looks('apple'))
    await get('/named?name=apple', at(position))
    now += 4_200_000
    expect(shown(await get('/named?name=apple'), 'cache-status', 'age')).toEqual(['emaki; hit; detail=stale', '4200'])
    await until('it was made anew', async () => (await get('/named?name=apple')).headers.get('age') === '0')
  })

  test('is negative for a tenth of the time, and never given after it', async () => {
    const { named, made } = counted({ stale: '1 hour' })
    let now = Date.parse('2026-01-01')
    const { get } = shop([named], { now: () => now })
    expect((await get('/named?name=apple')).body).toBeNull()
    expect((await get('/named?name=apple')).headers.get('cache-status')).toBe('emaki; hit')
    now += 500_000
    expect((await get('/named?name=apple')).headers.get('cache-status')).toBe('emaki; fwd=miss')
    expect(made.times).toBe(2)
  })

  test('is made anew once its own tag is invalidated, in every tier and by a processor too, and kept again as the log goes on', async () => {
    const { named, made } = counted()
    const outside = { rate: 1 }
    const rates = query('rates', {
      params: z.object({}),
      cache: { ttl: '1 hour', tags: () => ['rate'] },
      run: async () => ({ ...outside }),
    })
    const purged: string[] = []
    const cdn = { purge: async (tags: readonly string[]) => void purged.push(...tags), purgeAll: async () => {} }
    const refresh = processor('refresh', {
      from: Thing,
      types: ['Removed'],
      handle: async () => (await app[spec].start()).invalidate(['rate']),
    })
    const raised: (readonly string[])[] = []
    const shared = memoryCache()
    const raise: Cache['raise'] = (tags, position) => {
      raised.push(tags)
      return shared.raise(tags, position)
    }
    const { say, get, app } = shop([named, rates, refresh], { cdn, cache: () => ({ ...shared, raise }) })
    const emaki = await app[spec].start()
    const seen = async (position: string) => untilProcessed(emaki, Number(position))
    const how = async (path: string) => (await get(path)).headers.get('cache-status')!.replace('emaki; ', '')
    await seen(await say('a', 'set', looks('apple')))
    for (const path of ['/named?name=apple', '/named?name=pear', '/rates'])
      expect([await how(path), await how(path)]).toEqual(['fwd=miss', 'hit'])
    await emaki.invalidate(['name:apple'])
    expect([await how('/named?name=apple'), await how('/named?name=pear'), await how('/rates')]).toEqual([
      'fwd=miss',
      'hit',
      'hit',
    ])
    outside.rate = 2
    await seen(await say('b', 'remove'))
    expect((await get('/rates')).body).toEqual({ rate: 2 })
    await seen(await say('b', 'set', looks('fig')))
    for (const path of ['/named?name=apple', '/rates']) expect([await how(path), await how(path)]).toEqual(['fwd=miss', 'hit'])
    expect(made.times).toBe(4)
    expect(raised).toEqual(expect.arrayContaining([['name:apple'], ['rate']]))
    await open.pop()!.app[spec].stop()
    expect(purged).toEqual(expect.arrayContaining(['name:apple', 'rate', 'things_v1:a', 'things_v1.name:apple', 'things_v1.*']))
  })

  test('is one for the same parameters, however they are written', async () => {
    const params = z.object({ a: z.string(), b: z.int().default(1) })
    const pair = query('pair', { params, cache: { ttl: '1 hour' }, run: async ({ a, b }) => ({ a, b }) })
    const { get } = shop([pair])
    const status = async (search: string) => (await get(`/pair?${search}`)).headers.get('cache-status')
    expect(await status('a=x&b=1')).toBe('emaki; fwd=miss')
    for (const same of ['b=1&a=x', 'a=%78', 'a=x&b=1.0', 'a=x&min-position=0']) expect(await status(same)).toBe('emaki; hit')
    for (const other of ['a=X', 'a=x&b=2', 'a=x%20']) expect(await status(other)).toBe('emaki; fwd=miss')
  })

  test('is made anew in a process once that has heard of what another has folded', async () => {
    const { named } = counted()
    const store = memory()
    const owner = shop([named], { store })
    const seen = async ({ app }: Client, position: string) => await untilProcessed(await app[spec].start(), Number(position))
    await seen(owner, await owner.say('a', 'set', looks('apple')))
    const other = shop([named], { store })
    await seen(other, '1')
    for (const status of ['emaki; fwd=miss', 'emaki; hit'])
      expect(shown(await other.get('/named?name=apple'), 'cache-status')).toEqual([status])
    const position = await owner.say('a', 'set', looks('apple', { price: 2 }))
    await seen(other, position)
    expect((await other.app[spec].start()).subscriptions.view('things').serving!.subscription.isOwner).toBeFalse()
    expect((await other.get('/named?name=apple')).body).toEqual([{ key: 'a', price: 2 }])
  })

  test('is out of date for all once its rows are taken over, as who had them may not have come to tell', async () => {
    const store = memory()
    const first = shop([], { store })
    const position = Number(await first.say('a', 'set', looks('apple')))
    await untilProcessed(await first.app[spec].start(), position)
    await first.app[spec].stop()
    const raised: unknown[] = []
    const shared = { ...memoryCache(), raise: async (...raise: Parameters<Cache['raise']>) => void raised.push(raise) }
    const { app } = shop([], { store, cache: () => shared })
    await app[spec].start()
    await until('it is told', () => raised.length >= 2)
    expect(raised).toEqual(
      expect.arrayContaining([
        [['things_v1'], position],
        [['shelves_v1'], position],
      ]),
    )
  })

  test('was not there when the row that it lacks came, however the two meet', async () => {
    // The read finds no row; then the row comes, and is known of; then the answer is kept.
    const inner = memory()
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    let isHeld = true
    const get: typeof inner.readModel.get = async (table, key) => {
      const found = await inner.readModel.get(table, key)
      if (isHeld) {
        isHeld = false
        reached.resolve()
        await gate.promise
      }
      return found
    }
    const one = query('one', { params: z.object({}), cache: { ttl: '1 hour' }, run: async (_, read) => read(things).get('a') })
    const made = shop([one], { store: { ...inner, readModel: { ...inner.readModel, get } } })
    const asked = made.get('/one')
    await reached.promise
    const position = await made.say('a', 'set', looks('apple'))
    await untilProcessed(await made.app[spec].start(), Number(position))
    gate.resolve()
    const { headers } = await asked
    expect(Number(headers.get('event-position'))).toBeLessThan(Number(position))
    expect((await made.get('/one')).body).toMatchObject({ key: 'a' })
    expect((await made.get('/one', at(position))).body).toMatchObject({ key: 'a' })
  })
})

describe('a query that is behind', () => {
  async function heldBack(queries: readonly Served[]) {
    const inner = memory()
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    const commit: typeof inner.readModel.commit = async page => {
      if (isHeld) await gate.promise
      return inner.readModel.commit(page)
    }
    const made = shop(queries, { store: { ...inner, readModel: { ...inner.readModel, commit } } })
    const first = await made.say('a', 'set', looks('apple'))
    await untilProcessed(await made.app[spec].start(), Number(first))
    isHeld = true
    const position = await made.say('a', 'set', looks('apple', { price: 2 }))
    const release = () => {
      isHeld = false
      gate.resolve()
    }
    return { ...made, position, release }
  }

  test('is 503 with the lag and when to come again, once the client has waited', async () => {
    const { named } = counted()
    const { get, position, release } = await heldBack([named])
    const answer = await get('/named?name=apple', at(position, { Prefer: 'wait=0' }))
    expectProblem(answer, 'behind', {
      projection: 'things',
      position: 1,
      lagEvents: 1,
      detail: expect.any(String),
      retryable: true,
    })
    expect(shown(answer, 'retry-after', 'preference-applied')).toEqual(['1', 'wait=0'])
    release()
  })

  test('makes nobody wait, and refuses nobody, for what another asked', async () => {
    const { named } = counted()
    const { get, position, release } = await heldBack([named])
    const [patient, hasty, any] = [
      get('/named?name=apple', at(position, { Prefer: 'wait=20' })),
      get('/named?name=apple', at(position, { Prefer: 'wait=0' })),
      get('/named?name=apple'),
    ]
    expect([(await hasty).status, (await any).body]).toEqual([503, [{ key: 'a', price: 1 }]])
    release()
    const { body, headers } = await patient
    expect([body, headers.get('preference-applied')]).toEqual([[{ key: 'a', price: 2 }], 'wait=20'])
  })

  test.each(['3', '2.1', '9007199254740991'])('for ever, as %s is no position of this log, is 409', async position => {
    const { named } = counted()
    const { say, get } = shop([named])
    await say('a', 'set', looks('apple'))
    const detail = `${position} is no position of this log`
    expectProblem(await get('/named?name=apple', at(position, { Prefer: 'wait=30' })), 'unknown-position', { detail })
    expectProblem(await get(`/named?name=apple&min-position=${position}`), 'unknown-position', { detail })
  })
})

describe('an answer that is public', () => {
  const POLICY = ['cache-control', 'cdn-cache-control', 'vary']

  test('may be kept by a CDN until it is purged, while browsers ask', async () => {
    const { named } = counted({ public: true, stale: '1 hour' })
    const { say, get } = shop([named])
    const position = await say('a', 'set', looks("l'été, à"))
    const answer = await get(`/named?name=${encodeURIComponent("l'été, à")}&min-position=${position}`)
    expect(shown(answer, ...POLICY)).toEqual([
      'public, max-age=0, must-revalidate',
      'max-age=3600, stale-while-revalidate=3600',
      'Min-Position',
    ])
    const tags = answer.headers.get('surrogate-key')!.split(' ')
    expect(tags).toContain('name%3Al%27%C3%A9t%C3%A9%2C%20%C3%A0')
    expect(tags).toContain('named')
    expect(answer.headers.get('cache-tag')!.split(',')).toEqual(tags)
    const known = await get(`/named?name=${encodeURIComponent("l'été, à")}`, { 'If-None-Match': answer.headers.get('etag')! })
    expect([known.status, ...shown(known, ...POLICY, 'surrogate-key')]).toEqual([
      304,
      ...shown(answer, ...POLICY, 'surrogate-key'),
    ])
  })

  test('is negative in a CDN for a tenth of the time, and not stale', async () => {
    const { named } = counted({ public: true, stale: '1 hour' })
    expect(shown(await shop([named]).get('/named?name=x'), 'cdn-cache-control')).toEqual(['max-age=360'])
  })

  test('is private where it was asked for by Min-Position, and public again by ?min-position=', async () => {
    const { named } = counted({ public: true })
    const { say, get } = shop([named])
    const position = await say('a', 'set', looks('apple'))
    const byHeader = await get('/named?name=apple', at(position))
    expect(shown(byHeader, ...POLICY, 'surrogate-key')).toEqual(['private, no-cache', null, 'Min-Position', null])
    const byQuery = await get(`/named?name=apple&min-position=${position}`)
    expect(shown(byQuery, ...POLICY)).toEqual(['public, max-age=0, must-revalidate', 'max-age=3600', 'Min-Position'])
  })

  test('is kept by nobody where it is a problem', async () => {
    const { named } = counted({ public: true })
    const { get } = shop([named])
    for (const path of ['/named', '/named?name=a&min-position=9', '/named?name=a&x=1'])
      expect(shown(await get(path), 'cache-control', 'cdn-cache-control', 'surrogate-key')).toEqual(['no-store', null, null])
  })

  /** A shared cache by the letter of RFC 9111 and 9213: by URL and Vary, for as long as it may, and no longer. */
  function sharedCache(get: Client['get'], obeysVary: boolean) {
    const kept = new Map<string, Awaited<ReturnType<Client['get']>>>()
    return async (path: string, headers: Record<string, string> = {}) => {
      const key = `${path} ${obeysVary ? (headers['Min-Position'] ?? '') : ''}`
      // What its vendor's manual says of caches that do not know Vary, and what our VCL does: who asks by header is passed on.
      const found = !obeysVary && 'Min-Position' in headers ? undefined : kept.get(key)
      if (found) return found
      const answer = await get(path, headers)
      const control = answer.headers.get('cdn-cache-control') ?? answer.headers.get('cache-control') ?? ''
      if (/max-age=[1-9]/.test(control) && !/private|no-store|no-cache/.test(control)) kept.set(key, answer)
      return answer
    }
  }

  test.each([true, false])('never hides what a client knows of, in a cache that obeys Vary: %p', async obeysVary => {
    const { named } = counted({ public: true })
    const { say, get } = shop([named])
    const through = sharedCache(get, obeysVary)
    let position = '0'
    for (let price = 0; price < 5; price++) {
      position = await say('a', 'set', looks('apple', { price }))
      await through('/named?name=apple')
      expect((await through('/named?name=apple', at(position))).body).toEqual([{ key: 'a', price }])
      expect((await through(`/named?name=apple&min-position=${position}`)).body).toEqual([{ key: 'a', price }])
    }
    // That it keeps anything at all.
    expect((await through('/named?name=apple')).body).not.toEqual([{ key: 'a', price: 4 }])
  })
})

describe('no answer is older than what its client knows', () => {
  const total = query('total', {
    params: z.object({ shelf: z.enum(['top', 'low']) }),
    cache: { ttl: '1 hour', stale: '1 hour' },
    run: async ({ shelf }, read) => {
      const [row, found] = await Promise.all([read(shelves).get(shelf), read(things).list({ shelf })])
      return { times: row?.times ?? 0, keys: found.map(({ key }) => key) }
    },
  })
  const act = fc.record({
    caller: fc.nat(3),
    shelf: fc.constantFrom('top', 'low'),
    what: fc.constantFrom('say', 'ask', 'ask', 'row', 'list'),
    pause: fc.nat(2),
  })

  type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

  /**
   * Some callers say and ask of some processes, each with the latest position he was told, all at once or one after the other.
   * Gives what was older than it may be.
   */
  async function run(
    acts: readonly Act[],
    { count = 1, cache, inOrder = false }: { readonly count?: number; readonly cache?: Cache; readonly inOrder?: boolean } = {},
  ): Promise<readonly string[]> {
    const store = memory()
    const processes = Array.from({ length: count }, () => shop([total], { store, ...(cache && { cache: () => cache }) }))
    const wrong: string[] = []
    const known = ['0', '0', '0', '0']
    const log: { readonly position: number; readonly shelf: string }[] = []
    const timesAt = (shelf: string, position: string) =>
      log.filter(one => one.shelf === shelf && one.position <= Number(position)).length
    const told = (caller: number, position: string) => {
      if (Number(position) > Number(known[caller])) known[caller] = position
    }
    const one = async ({ caller, shelf, what }: Act, i: number) => {
      const made = processes[i % count]!
      if (what === 'say') {
        const position = await made.say(`t${i}`, 'set', looks('x', { shelf: shelf as 'top' | 'low' }))
        log.push({ position: Number(position), shelf })
        return told(caller, position)
      }
      const token = known[caller]!
      const path = { ask: `/total?shelf=${shelf}`, row: `/shelves/${shelf}`, list: `/things?shelf=${shelf}&limit=1000` }[what]
      const { status, body, headers } = await made.get(path!, at(token, { Prefer: 'wait=5' }))
      const least = timesAt(shelf, token)
      if (status === 404 && what === 'row' && least === 0) return
      if (status !== 200) return void wrong.push(`${what} ${token}: ${status}`)
      const { times, keys, items } = body as { times?: number; keys?: unknown[]; items?: unknown[] }
      for (const found of [times, keys?.length, items?.length])
        if (found !== undefined && found < least) wrong.push(`${what} at ${token}: ${found} of ${least}`)
      const position = headers.get('event-position')!
      if (Number(position) < Number(token)) wrong.push(`${what} says ${position} to ${token}`)
      if (times !== undefined && times < timesAt(shelf, position)) wrong.push(`${what} is older than its ${position}`)
      told(caller, position)
    }
    const running: Promise<void>[] = []
    for (const [i, next] of acts.entries()) {
      running.push(one(next, i))
      if (inOrder) await running.at(-1)
      for (let pause = 0; pause < next.pause; pause++) await Bun.sleep(0)
    }
    await Promise.all(running)
    for (const { app } of open.splice(0)) await app[spec].stop()
    return wrong
  }

  test('whoever else says and asks meanwhile', async () => {
    const property = fc.asyncProperty(fc.array(act, { maxLength: 40, size: 'max' }), async acts =>
      expect(await run(acts)).toEqual([]),
    )
    await fc.assert(property, { numRuns: 60 })
  })

  test('whichever process of several he asks, of which one makes the rows', async () => {
    const property = fc.asyncProperty(fc.array(act, { maxLength: 25, size: 'max' }), async acts =>
      expect(await run(acts, { count: 2 })).toEqual([]),
    )
    await fc.assert(property, { numRuns: 40 })
  })

  test('and a cache that forgets what it was told of changes is found out', async () => {
    const deaf = { ...memoryCache(), raise: async () => {} }
    // Says that it is as new as is asked for.
    const lying: Cache = {
      ...deaf,
      get: async (key, atLeast) => {
        const entry = await deaf.get(key, 0)
        return entry && { ...entry, position: Math.max(entry.position, atLeast) }
      },
    }
    const said = { caller: 0, shelf: 'top' as const, pause: 0 }
    const acts = (['say', 'ask', 'say', 'ask'] as const).map(what => ({ ...said, what }))
    expect(await run(acts, { cache: lying, inOrder: true })).toContain('ask at 2: 1 of 2')
    expect(await run(acts, { inOrder: true })).toEqual([])
  })
})
