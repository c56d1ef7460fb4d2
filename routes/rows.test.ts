import { afterEach, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { spec } from '../src/event/events.ts'
import { projection } from '../src/projection/projection.ts'
import { token } from '../src/store/token.ts'
import { memory } from '../src/store/memory.ts'
import { failsBefore } from '../src/testing/faulty-store.ts'
import { type Client, client, expectProblem } from '../src/testing/http.ts'
import { until } from '../src/testing/servers/until.ts'
import { type Looks, looks, sets, shelves, Thing, thing, things } from '../src/testing/shop.ts'
import type { AppOptions } from './app.ts'

const open: Client[] = []
afterEach(async () => {
  for (const { app } of open.splice(0)) await app[spec].stop()
})

type Shop = Client & {
  /** Runs a command, and gives the position it was answered. */
  readonly say: (id: string, command: string, body?: object) => Promise<string>
  /** A read that includes all that was said. */
  readonly see: (path: string, headers?: Record<string, string>) => ReturnType<Client['get']>
}

function shop(options: Partial<AppOptions> = {}): Shop {
  const made = client({ serve: [thing, things, shelves, sets], ...options })
  open.push(made)
  let said = '0'
  const say = async (id: string, command: string, body: object = {}) => {
    const { status, headers } = await made.post(`/thing/${encodeURIComponent(id)}/${command}`, body)
    expect(status).toBeOneOf([200, 201])
    const position = headers.get('event-position')!
    if (Number(position) > Number(said) || position.includes('.')) said = position
    return position
  }
  return { ...made, say, see: (path, headers = {}) => made.get(path, { 'Min-Position': said, ...headers }) }
}

type Listed = { readonly items: readonly ({ key: string } & Looks)[]; readonly next: string | null; readonly position: number }
const listed = (body: unknown) => body as Listed & { readonly count?: number; readonly parked?: readonly string[] }
const keys = (body: unknown) => listed(body).items.map(({ key }) => key)

describe('GET /{projection}/{key}', () => {
  test('shows the row with its key, where it is in the log, and a tag', async () => {
    const { say, see } = shop()
    await say('a', 'set', looks('apple', { note: 'ripe' }))
    await say('b', 'set', looks('pear'))
    const { status, headers, body } = await see('/things/a')
    expect([status, body]).toEqual([200, { key: 'a', ...looks('apple', { note: 'ripe' }) }])
    expect(['event-position', 'cache-control', 'content-type', 'row-parked'].map(name => headers.get(name))).toEqual([
      '2',
      'private, no-cache',
      'application/json',
      null,
    ])
    expect(headers.get('etag')).toMatch(/^"things_v1-1-\w+"$/)
  })

  test('is 304 without a body where the client has the row, however far the log went on', async () => {
    const { say, see, ask } = shop()
    await say('a', 'set', looks('apple'))
    const tag = (await see('/things/a')).headers.get('etag')!
    await say('b', 'set', looks('pear'))
    for (const known of [tag, `W/${tag}`, `"x", ${tag}`, '*']) {
      const { status, headers, body } = await see('/things/a', { 'If-None-Match': known })
      expect([status, headers.get('etag'), headers.get('event-position'), body]).toEqual([304, tag, '2', ''])
    }
    await say('a', 'set', looks('apple', { price: 2 }))
    expect((await see('/things/a', { 'If-None-Match': tag })).status).toBe(200)
    const head = await ask('/things/a', { method: 'HEAD' })
    expect([head.status, head.body]).toEqual([200, ''])
  })

  test('is 404 for a key that has none, none any more, or can have none', async () => {
    const { say, see } = shop()
    await say('a', 'set', looks('apple'))
    await say('a', 'remove')
    for (const key of ['a', 'nobody', '__proto__', 'constructor', '%00', 'a%00', 'x'.repeat(500), '%ED%A0%80', '%FF', '%25FF'])
      expectProblem(await see(`/things/${key}`), 'row-not-found')
  })

  test('has keys of every kind, byte for byte', async () => {
    const { say, see } = shop()
    const odd = [
      "o'brien",
      '"',
      '\\',
      'a/b',
      '?x=1&y',
      '#',
      '%',
      '%25',
      '%FF',
      ' ',
      '+',
      '\n',
      'ü',
      'u\u0308',
      '日本',
      '🎁',
      '\u2028',
      '__proto__',
    ]
    for (const key of odd) await say(key, 'set', looks(key))
    for (const key of odd) {
      const { body } = await see(`/things/${encodeURIComponent(key)}`)
      expect(body).toEqual({ key, ...looks(key) })
    }
    expect(keys((await see('/things')).body).toSorted()).toEqual(odd.toSorted())
  })

  test('folds a live one from its stream when it is asked for', async () => {
    const { say, get } = shop()
    await say('a', 'set', looks('apple'))
    const { body, headers } = await get('/sets/a')
    expect([body, headers.get('event-position')]).toEqual([{ key: 'a', times: 1 }, '1'])
    expectProblem(await get('/sets/b'), 'row-not-found')
    await say('a', 'remove')
    expectProblem(await get('/sets/a'), 'row-not-found')
    expectProblem(await get('/sets'), 'not-found')
  })

  test('is 503 while the store does not answer', async () => {
    const { say, see, get, store } = shop()
    await say('a', 'set', looks('apple'))
    await see('/things/a')
    store.next('read', failsBefore())
    expectProblem(await get('/sets/a'), 'unavailable')
  })
})

describe('a row that was parked', () => {
  test.each(['poison', 'spoil'])('by %s says so, and is 503 to who knows of the event', async how => {
    const { say, see, get } = shop()
    await say('a', 'set', looks('apple'))
    const before = await see('/things/a')
    await say('a', how)
    const parked = await say('b', 'set', looks('pear'))
    expect((await see('/things/b')).status).toBe(200)
    const { status, body, headers } = await get('/things/a', { 'Min-Position': '1' })
    expect([status, body, headers.get('row-parked'), headers.get('event-position')]).toEqual([200, before.body, '2', '1'])
    for (const position of ['2', parked]) {
      const answer = await get('/things/a', { 'Min-Position': position })
      expectProblem(answer, 'parked', { projection: 'things', position: 3, detail: expect.any(String) })
      expect([answer.headers.get('retry-after'), answer.headers.get('row-parked')]).toEqual(['10', '2'])
    }
    const list = listed((await get('/things')).body)
    expect([list.items.map(({ key }) => key), list.parked]).toEqual([['a', 'b'], ['a']])
  })

  test('is missing from every list and count, for all one knows: they say so, and are 503 to who knows of its event', async () => {
    const { say, see, get } = shop()
    await say('a', 'set', looks('apple'))
    await say('a', 'poison')
    await say('a', 'set', looks('pear'))
    const position = await say('b', 'set', looks('pear'))
    expect((await see('/things/b')).status).toBe(200)
    for (const path of ['/things', '/things?name=pear', '/things?name=pear&count=true', '/things?name=none', '/things?limit=1']) {
      for (const known of ['2', '3', position]) {
        const answer = await get(path, { 'Min-Position': known })
        expectProblem(answer, 'parked', { projection: 'things', position: 4, detail: expect.any(String) })
        expect(answer.headers.get('row-parked')).toBe('2')
      }
      for (const known of ['0', '1']) {
        const { status, headers, body } = await get(path, { 'Min-Position': known })
        expect([status, headers.get('row-parked'), headers.get('event-position'), listed(body).position]).toEqual([
          200,
          '2',
          '1',
          1,
        ])
      }
    }
    expect(keys((await get('/things?name=pear')).body)).toEqual(['b'])
  })

  test('is any, where a stream has no key: all rows say so, and are 503 to who knows of its event', async () => {
    const { say, see, get } = shop()
    await say('a', 'set', looks('apple'))
    const { app } = open.at(-1)!
    const { store } = await app[spec].start()
    const unread = { id: Bun.randomUUIDv7(), type: 'Set', schema: 'newer', data: '{"name":7}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'thing-b', expect: 'any', events: [unread] }], keys: [] }])
    await say('c', 'set', looks('pear', { shelf: 'low' }))
    for (const path of ['/shelves/top', '/shelves/low', '/shelves', '/shelves/none']) {
      const answer = await see(path)
      expectProblem(answer, 'parked', { projection: 'shelves', position: 3, detail: expect.any(String) })
      const { status, headers } = await get(path)
      expect([path, status, headers.get('row-parked')]).toEqual([path, path === '/shelves/none' ? 404 : 200, '2'])
      expect(headers.get('event-position')).toBe(path === '/shelves/none' ? null : '1')
    }
    expect((await get('/shelves/top', { 'Min-Position': '1' })).body).toEqual({ key: 'top', times: 1, last: 1 })
  })

  test('before there was one is 404, and 503 to who knows of the event', async () => {
    const { say, see, get } = shop()
    await say('a', 'poison')
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 1, detail: expect.any(String) })
    const answer = await get('/things/a')
    expectProblem(answer, 'row-not-found')
    expect(answer.headers.get('row-parked')).toBe('1')
    expect((await get('/things/b')).headers.get('row-parked')).toBeNull()
  })

  test('with what came before it in one page is not older than what the client knows', async () => {
    const { say, get, see, store } = shop()
    // All three are read as one page, as the projection begins after them.
    await Promise.all([say('a', 'set', looks('apple')), say('a', 'poison'), say('a', 'set', looks('pear'))])
    await see('/things')
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'a', position: 2 }])
    expect((await get('/things/a', { 'Min-Position': '1' })).body).toEqual({ key: 'a', ...looks('apple') })
  })

  test('in one page with what came before and after it stops at its event', async () => {
    const { say, get, see } = shop()
    // The commands of one stream are one unit: those of a come first.
    await Promise.all([
      say('a', 'set', looks('apple')),
      say('a', 'spoil'),
      say('a', 'spoil'),
      say('b', 'set', looks('pear')),
      say('c', 'spoil'),
    ])
    await see('/things')
    const list = await get('/things')
    expect([keys(list.body), listed(list.body).parked]).toEqual([['a', 'b'], ['a']])
    const { body, headers } = await get('/things/a', { 'Min-Position': '1' })
    expect([body, headers.get('row-parked')]).toEqual([{ key: 'a', ...looks('apple') }, '2'])
    for (const [key, position] of [
      ['a', '2'],
      ['a', '3'],
      ['c', '5'],
    ])
      expect((await get(`/things/${key}`, { 'Min-Position': position! })).status).toBe(503)
  })

  test('as one of its events cannot be read is parked itself, where its key is its instance', async () => {
    const { say, see, store, app } = shop()
    await app[spec].start()
    await say('a', 'set', looks('apple'))
    const unread = { id: Bun.randomUUIDv7(), type: 'Set', schema: 'newer', data: '{"name":7}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'thing-a', expect: 'any', events: [unread] }], keys: [] }])
    await say('b', 'set', looks('pear'))
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 3, detail: expect.any(String) })
    expect((await see('/things/b')).status).toBe(200)
  })
})

describe('GET /{projection}', () => {
  const four = async () => {
    const made = shop()
    await made.say('a', 'set', looks('apple', { price: 3, rare: true }))
    await made.say('b', 'set', looks('pear', { shelf: 'low', price: null, note: 'null' }))
    await made.say('c', 'set', looks('apple', { shelf: 'low', price: -1.5 }))
    await made.say('d', 'set', looks('fig', { price: 2, note: '' }))
    return made
  }

  test.each<[string, readonly string[]]>([
    ['', ['a', 'b', 'c', 'd']],
    ['name=apple', ['a', 'c']],
    ['name=apple&shelf=low', ['c']],
    ['shelf=top&rare=false', ['d']],
    ['rare=true', ['a']],
    ['price=3', ['a']],
    ['price=3.0', ['a']],
    ['price=-1.5', ['c']],
    ['price=2e0', ['d']],
    ['price=null', ['b']],
    ['note=', ['d']],
    ['name=null', []],
    ['name=%F0%9F%8E%81', []],
    ["name=o'brien%22%20--", []],
    ['sort=price', ['b', 'c', 'd', 'a']],
    ['sort=-price', ['a', 'd', 'c', 'b']],
    ['sort=name', ['a', 'c', 'd', 'b']],
    ['sort=-name', ['b', 'd', 'c', 'a']],
    ['sort=rare&shelf=top', ['d', 'a']],
    ['limit=2', ['a', 'b']],
    ['limit=1&sort=-price', ['a']],
    ['limit=1000', ['a', 'b', 'c', 'd']],
  ])('?%s gives %j', async (query, expected) => {
    const { see } = await four()
    const { status, body } = await see(`/things?${query}`)
    expect([status, keys(body)]).toEqual([200, [...expected]])
  })

  test('finds a field that is missing as null, and the text null as it is where it may be one', async () => {
    const { say, see } = shop()
    await say('a', 'set', looks('null'))
    await say('b', 'set', looks('pear', { note: 'x' }))
    expect(keys((await see('/things?note=null')).body)).toEqual(['a'])
    expect(keys((await see('/things?name=null')).body)).toEqual(['a'])
  })

  test('answers items, the next page and the position, and a count where it is asked for', async () => {
    const { see } = await four()
    const { body, headers } = await see('/things?limit=1&name=apple&count=true')
    expect(listed(body)).toEqual({
      items: [{ key: 'a', ...looks('apple', { price: 3, rare: true }) }],
      next: expect.any(String),
      count: 2,
      position: 4,
    })
    expect(['event-position', 'cache-control'].map(name => headers.get(name))).toEqual(['4', 'private, no-cache'])
    expect(listed((await see('/things?count=false')).body)).not.toHaveProperty('count')
  })

  test.each([
    ['colour=red', 'colour'],
    ['key=a', 'key'],
    ['__proto__=1', '__proto__'],
    ['constructor=1', 'constructor'],
    ['toString=1', 'toString'],
    ['=1', ''],
    ['shelf=middle', 'shelf'],
    ['shelf=', 'shelf'],
    ['shelf=top&shelf=low', 'shelf'],
    ['name=a&name=b', 'name'],
    ['name=a%00', 'name'],
    ['price=x', 'price'],
    ['price=', 'price'],
    ['price=true', 'price'],
    ['price=0x10', 'price'],
    ['price=01', 'price'],
    ['price=1e999', 'price'],
    ['rare=1', 'rare'],
    ['rare=yes', 'rare'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=', 'limit'],
    ['limit=1&limit=2', 'limit'],
    ['count=2', 'count'],
    ['sort=key', 'sort'],
    ['sort=', 'sort'],
    ['sort=--price', 'sort'],
    ['sort=__proto__', 'sort'],
    ['sort=price&sort=name', 'sort'],
    ['cursor=x', 'cursor'],
    ['cursor=', 'cursor'],
    ['min-position=', 'min-position'],
    ['min-position=x', 'min-position'],
    ['min-position=1&min-position=1', 'min-position'],
    ['name=%', null],
    ['name=%FF', null],
    ['%ED%A0%80=1', null],
  ])('is 400 for ?%s, and says where', async (query, field) => {
    const { get } = shop()
    expectProblem(await get(`/things?${query}`), 'validation-failed', {
      errors: [{ pointer: field === null ? '#' : `#/${field}`, detail: expect.any(String) }],
    })
  })

  const cursor = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  test.each<[string, string]>([
    ['no JSON', 'e30tLQ'],
    ['a number', cursor(5)],
    ['null', cursor(null)],
    ['an object', cursor({ length: 3 })],
    ['no key', cursor(['price', 1])],
    ['a key that is no text', cursor(['price', 1, 5])],
    ['a key that nothing has', cursor(['price', 1, 'a\0'])],
    ['half a surrogate pair', cursor(['price', 1, '\ud800'])],
    ['another order', cursor(['-price', 1, 'a'])],
    ['no order', cursor(['', null, 'a'])],
    ['a text for a number', cursor(['price', '1', 'a'])],
    ['an object for a number', cursor(['price', {}, 'a'])],
    ['true for a number', cursor(['price', true, 'a'])],
    ['more than a number holds', Buffer.from('["price",1e999,"a"]').toString('base64url')],
  ])('is 400 for a cursor that is %s', async (_, made) => {
    const { get } = shop()
    expectProblem(await get(`/things?sort=price&cursor=${made}`), 'validation-failed', {
      errors: [{ pointer: '#/cursor', detail: expect.any(String) }],
    })
  })

  test('is 304 for as long as what was asked for is the same', async () => {
    const { see, say } = await four()
    const tag = (await see('/things?name=apple')).headers.get('etag')!
    await say('d', 'set', looks('fig', { price: 5 }))
    const same = await see('/things?name=apple', { 'If-None-Match': tag })
    expect([same.status, same.headers.get('event-position')]).toEqual([304, '5'])
    await say('c', 'set', looks('apple', { price: 5 }))
    expect((await see('/things?name=apple', { 'If-None-Match': tag })).status).toBe(200)
  })

  test('goes through all pages without a gap or a repeat, while other rows come and go', async () => {
    const name = fc.constantFrom('a', 'b', 'é', '𝒳', '')
    const stays = fc.record({ name, price: fc.oneof(fc.constant(null), fc.integer({ min: -2, max: 2 })) })
    const property = fc.asyncProperty(
      fc.array(stays, { minLength: 1, maxLength: 12 }),
      fc.constantFrom('', 'price', '-price', 'name', '-name', 'note'),
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.record({ of: fc.nat(9), name, price: fc.constantFrom(null, 0, 1) }), { maxLength: 12 }),
      async (rows, sort, limit, others) => {
        const { say, see } = shop()
        const staying = rows.map((_, i) => `s${i}`)
        for (const [i, { name, price }] of rows.entries()) await say(`s${i}`, 'set', looks(name, { price }))
        const seen: string[] = []
        let next: string | null = ''
        while (next !== null) {
          const query: string = [`limit=${limit}`, ...(sort ? [`sort=${sort}`] : []), ...(next ? [`cursor=${next}`] : [])].join(
            '&',
          )
          const { status, body } = await see(`/things?${query}`)
          expect(status).toBe(200)
          seen.push(...keys(body))
          next = listed(body).next
          const other = others.pop()
          if (other?.of) await say(`o${other.of}`, 'set', looks(other.name, { price: other.price }))
          else if (other) await say(`o${others.length}`, 'remove')
        }
        expect(seen.filter(key => staying.includes(key)).toSorted()).toEqual(staying.toSorted())
        for (const { app } of open.splice(0)) await app[spec].stop()
      },
    )
    await fc.assert(property, { numRuns: 40 })
  })

  test('has the sum of all pages where nothing changes, in the order it says', async () => {
    const { say, see } = shop()
    for (let i = 0; i < 25; i++) await say(`k${i % 20}`, 'set', looks(`n${i % 4}`, { price: (i * 7) % 5 || null }))
    for (const sort of ['price', '-price', 'name', '-name', 'rare', '-note']) {
      const whole = keys((await see(`/things?sort=${sort}`)).body)
      const pages: string[] = []
      for (let next: string | null = ''; next !== null; ) {
        const { body } = await see(`/things?sort=${sort}&limit=3${next && `&cursor=${next}`}`)
        pages.push(...keys(body))
        next = listed(body).next
      }
      expect(pages).toEqual(whole)
      expect(whole).toHaveLength(20)
    }
  })
})

describe('rows by position', () => {
  test('are as new as the command that the client was answered', async () => {
    const { say, see } = shop()
    for (let price = 0; price < 30; price++) {
      await say('a', 'set', looks('apple', { price }))
      expect((await see('/things/a')).body).toMatchObject({ price })
      expect(listed((await see('/things')).body).items).toMatchObject([{ price }])
    }
  })

  test.each(['things/a', 'things', 'shelves/top', 'sets/a'])('of /%s take it in the query string too', async path => {
    const { say, get } = shop()
    const position = await say('a', 'set', looks('apple'))
    const { status, headers } = await get(`/${path}?min-position=${position}`)
    expect([status, headers.get('event-position')]).toEqual([200, '1'])
    const both = await get(`/${path}?min-position=${Number(position) + 1}`, { 'Min-Position': position })
    expectProblem(both, 'unknown-position', { detail: '2 is no position of this log' })
  })

  test.each(['2', '9007199254740991', '2.1', '3.0', '999999999.1'])(
    'of another log, %s, are refused and never waited for',
    async at => {
      const { say, see, get } = shop()
      await say('a', 'set', looks('apple'))
      await see('/things/a')
      for (const path of ['/things/a', '/things', '/sets/a'])
        expectProblem(await get(path, { 'Min-Position': at, Prefer: 'wait=30' }), 'unknown-position', {
          detail: `${at} is no position of this log`,
        })
    },
  )

  test.each(['', 'x', '-1', '1.5', '01', '1.1', '1e3', '9007199254740992', '1, 1', '"1"', ' 1 2'])(
    'that are none, %j, are 400',
    async at => {
      const { get } = shop()
      expectProblem(await get('/things/a', { 'Min-Position': at }), 'bad-header', {
        detail: expect.stringContaining('Min-Position'),
      })
    },
  )

  test('carry the epoch of a log that was restored, everywhere', async () => {
    const inner = memory()
    const { say, get, post } = shop({
      store: {
        ...inner,
        get identity() {
          return { ...inner.identity, epoch: 3 }
        },
      },
    })
    expect(await say('a', 'set', looks('apple'))).toBe('3.1')
    expectProblem(await get('/things/a', { 'Min-Position': '1' }), 'unknown-position', { detail: '1 is no position of this log' })
    const { status, headers, body } = await get('/things/a', { 'Min-Position': '3.1' })
    expect([status, headers.get('event-position'), body]).toMatchObject([200, '3.1', { key: 'a' }])
    expect(headers.get('etag')).toStartWith('"things_v1-3.1-')
    const list = await get('/things')
    expect([list.headers.get('event-position'), listed(list.body).position]).toEqual(['3.1', 1])
    expect((await post('/thing/a/set', looks('pear'))).headers.get('event-position')).toBe(token({ epoch: 3 }, 2))
  })
})

describe('rows that are behind', () => {
  /** A projection that is held back: its pages do not commit until they may. */
  async function heldBack() {
    const inner = memory()
    const gate = Promise.withResolvers<void>()
    let isHeld = false
    const commit: typeof inner.readModel.commit = async page => {
      if (isHeld) await gate.promise
      return inner.readModel.commit(page)
    }
    const made = shop({ store: { ...inner, readModel: { ...inner.readModel, commit } } })
    await made.say('a', 'set', looks('apple'))
    expect((await made.see('/things/a')).status).toBe(200)
    isHeld = true
    const position = await made.say('a', 'set', looks('pear'))
    const open = () => {
      isHeld = false
      gate.resolve()
    }
    return { ...made, position, open }
  }

  test('are 503 with the lag once the client has waited, and old rows to who does not ask', async () => {
    const { get, position, open } = await heldBack()
    for (const path of ['/things/a', '/things']) {
      const answer = await get(path, { 'Min-Position': position, Prefer: 'wait=0' })
      expectProblem(answer, 'behind', {
        projection: 'things',
        position: 1,
        lagEvents: 1,
        detail: expect.any(String),
        retryable: true,
      })
      expect([answer.headers.get('retry-after'), answer.headers.get('preference-applied')]).toEqual(['1', 'wait=0'])
      expect((await get(path)).status).toBe(200)
    }
    expect((await get('/things/a')).body).toMatchObject({ name: 'apple' })
    open()
  })

  test('answer as soon as they are there', async () => {
    const { get, position, open } = await heldBack()
    const asked = get('/things/a', { 'Min-Position': position, Prefer: 'return=minimal, wait=20' })
    open()
    const { body, headers } = await asked
    expect([body, headers.get('preference-applied')]).toMatchObject([{ name: 'pear' }, 'wait=20'])
  })

  test.each([
    ['wait=1', 'wait=1'],
    ['WAIT = "2"', 'wait=2'],
    ['wait=99999', 'wait=30'],
    ['respond-async; foo=1, wait=3', 'wait=3'],
    ['wait', null],
    ['wait=x', null],
    ['waiting=5', null],
  ])('are waited for by Prefer: %s', async (prefer, applied) => {
    const { say, see, get } = shop()
    await say('a', 'set', looks('apple'))
    expect((await see('/things/a', { Prefer: prefer })).headers.get('preference-applied')).toBe(applied)
    expect((await get('/things/a', { Prefer: prefer })).headers.get('preference-applied')).toBeNull()
  })

  test('and frozen while a newer version is made say so, make nobody unready, and are 503 to who knows of more', async () => {
    const inner = memory()
    const before = shop({ store: inner })
    await before.say('a', 'set', looks('apple'))
    expect((await before.see('/things/a')).status).toBe(200)
    await open.pop()!.app[spec].stop()
    const newer = projection('things', {
      from: Thing,
      row: z.object({ name: z.string() }),
      initial: { name: '' },
      evolve: { Set: (_, { name }) => ({ name }) },
      version: 2,
      previous: things,
      frozen: true,
    })
    const { say, see, get, store } = shop({ serve: [thing, newer], store: inner })
    const gate = store.hold('readAll')
    const position = await say('a', 'set', looks('pear'))
    expect((await get('/ready')).status).toBe(200)
    for (const path of ['/things/a', '/things', '/things/b']) {
      const { status, headers } = await get(path)
      expect([path, status, headers.get('row-frozen')]).toEqual([path, path === '/things/b' ? 404 : 200, '1'])
      const answer = await get(path, { 'Min-Position': position, Prefer: 'wait=30' })
      expectProblem(answer, 'behind', {
        projection: 'things',
        position: 1,
        lagEvents: 1,
        detail: expect.any(String),
        retryable: true,
      })
    }
    expect(listed((await get('/things')).body)).toMatchObject({ items: [{ key: 'a', name: 'apple' }], frozen: true, position: 1 })
    gate.open()
    await until('the newer one serves', async () => (await get('/things/a')).headers.get('row-frozen') === null)
    expect((await see('/things/a')).body).toEqual({ key: 'a', name: 'pear' })
  })

  test('are 503 to who knows what was there before they were emptied', async () => {
    const { say, see, get, store } = shop()
    await say('a', 'set', looks('apple'))
    await see('/things/a')
    const { get: real } = store.readModel
    // As it is between a reset elsewhere and the moment this process hears of it.
    store.readModel.get = async () => ({ found: null, position: 0, parked: null })
    expectProblem(await get('/things/a', { 'Min-Position': '1' }), 'behind', {
      projection: 'things',
      position: 0,
      lagEvents: 1,
      detail: expect.any(String),
      retryable: true,
    })
    store.readModel.get = real
  })
})
