import { afterEach, describe, expect, test } from 'bun:test'
import { allow } from '../../src/definitions/access/allow.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'
import { looks, thing, things } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { keysOf, listOf } from '../../src/test-support/listed-things.ts'

afterEach(cleanUp)

describe('a parked row', () => {
  test.each(['poison', 'spoil'])('a row parked by %s says so, and answers 503 to a client that knows the event', async how => {
    const { say, see, get } = openThingApp()
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
  })

  test('a parked row that a route of the app reads answers 503, as the derived route does', async () => {
    const { say, app, get } = openThingApp()
    app.get('/look/:key', async c => c.json(await c.var.emaki.row(things, c.req.param('key'), { atLeast: 2, waitMs: 600_000 })))
    await say('a', 'set', looks('apple'))
    await say('a', 'poison')
    const answer = await get('/look/a')
    expectProblem(answer, 'parked', { projection: 'things', position: 2, detail: expect.any(String) })
    expect(answer.headers.get('row-parked')).toBe('2')
  })

  test('a parked row that a caller may not see answers it as one that does not exist', async () => {
    const rules = [allow(thing, 'all'), allow(things, { visible: () => ({ name: 'pear' }) })]
    const { say, get, app } = openThingApp([], { actor: () => 'ada', authorize: rules })
    await say('a', 'set', looks('apple'))
    await say('a', 'poison')
    await say('new', 'poison')
    const position = await say('b', 'set', looks('pear'))
    await untilProcessed(await app[spec].start(), Number(position))
    for (const headers of [{}, { 'Min-Position': `${position}` }, { Prefer: 'complete' }])
      for (const key of ['a', 'new']) {
        const [hidden, missing] = [await get(`/things/${key}`, headers), await get('/things/none', headers)]
        expect([hidden.status, hidden.headers.get('row-parked')]).toEqual([404, null])
        expect(missing.status).toBe(404)
      }
    expect((await get('/things/b')).status).toBe(200)
  })

  test('a parked row is left out of lists and counts, which say so, whatever position the client knows', async () => {
    const { say, get, app } = openThingApp()
    await say('a', 'set', looks('apple'))
    await say('a', 'poison')
    await say('a', 'set', looks('pear'))
    await say('b', 'set', looks('pear'))
    const position = Number(await say('c', 'set', looks('apple')))
    await untilProcessed(await app[spec].start(), position)
    for (const known of ['0', '1', '2', '4', `${position}`])
      for (const [query, keys, count] of [
        ['count=true', ['b', 'c'], 2],
        ['name=apple&count=true', ['c'], 1],
        ['limit=1&count=true', ['b'], 2],
        ['sort=-name&limit=1&count=true', ['b'], 2],
        ['name=none&count=true', [], 0],
      ] as const) {
        const { status, headers, body } = await get(`/things?${query}`, { 'Min-Position': known })
        expect([status, keysOf(body), listOf(body).count], query).toEqual([200, [...keys], count])
        expect(listOf(body)).toMatchObject({ parked: true, position })
        expect(pickHeaders(headers, 'row-parked', 'event-position', 'vary')).toEqual(['2', `${position}`, 'Prefer'])
      }
  })

  test('a parked row makes lists answer 503 to a client that prefers complete ones, and takes their tags from them', async () => {
    const { say, see, get, app } = openThingApp()
    await say('a', 'set', looks('apple'))
    const whole = await see('/things?name=fig', { Prefer: 'wait=5, complete' })
    expect(pickHeaders(whole.headers, 'row-parked', 'preference-applied')).toEqual([null, 'wait=5, complete'])
    await say('a', 'poison')
    const position = Number(await say('b', 'set', looks('pear')))
    const emaki = await app[spec].start()
    await untilProcessed(emaki, position)
    const complete = { Prefer: 'complete' }
    for (const path of ['/things', '/things?name=pear', '/things?count=true', '/things/a']) {
      const refused = await get(path, complete)
      expectProblem(refused, 'parked', { projection: 'things', position, detail: expect.any(String) })
      expect(pickHeaders(refused.headers, 'row-parked', 'preference-applied', 'vary')).toEqual(['2', 'complete', 'Prefer'])
    }
    expect((await get('/things/b', complete)).status).toBe(200)
    const { status, headers } = await get('/things?name=fig', { 'If-None-Match': whole.headers.get('etag')! })
    expect([status, headers.get('row-parked')]).toEqual([200, '2'])
  })

  test('a stream parked for a key that cannot be known is said with all rows and lists, and refuses only who prefers complete ones', async () => {
    const { say, see, app } = openThingApp()
    await say('a', 'set', looks('apple'))
    const { store } = await app[spec].start()
    const unread = { id: Bun.randomUUIDv7(), type: 'Set', schema: 'newer', data: '{"name":7}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'thing-b', expect: 'any', events: [unread] }], keys: [] }])
    await say('c', 'set', looks('pear', { shelf: 'low' }))
    for (const path of ['/shelves/top', '/shelves/low', '/shelves', '/shelves/none']) {
      const { status, headers } = await see(path)
      expect([path, status, headers.get('row-parked')]).toEqual([path, path === '/shelves/none' ? 404 : 200, '2'])
      expect(headers.get('event-position')).toBe(path === '/shelves/none' ? null : '3')
      const refused = await see(path, { Prefer: 'complete' })
      expectProblem(refused, 'parked', { projection: 'shelves', position: 3, detail: expect.any(String) })
    }
    expect((await see('/shelves/low')).body).toEqual({ key: 'low', times: 1, last: 3 })
    // The keys of things are instances, so that only the row of b may lack the event.
    expect(pickHeaders((await see('/things/c', { Prefer: 'complete' })).headers, 'row-parked', 'event-position')).toEqual([
      null,
      '3',
    ])
    expectProblem(await see('/things/b'), 'parked', { projection: 'things', position: 3, detail: expect.any(String) })
  })

  test('a stream parked by an owner that ended at its event stops the row of its instance, and no other row', async () => {
    const store = memory()
    const before = openThingApp([], { store })
    await before.say('a', 'set', looks('apple'))
    await before.see('/things/a')
    await before.stop()
    const event = { id: Bun.randomUUIDv7(), type: 'Removed', schema: 'v', data: '{}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'thing-a', expect: 'any', events: [event] }], keys: [] }])
    const lease = await store.readModel.acquire('things_v1', { owner: 'dead', ttlMs: 0, start: 0 })
    await store.readModel.suspect('things_v1', lease!.epoch, { position: 2, key: null, times: 2 })
    const { say, see } = openThingApp([], { store })
    await say('b', 'set', looks('pear'))
    expect((await see('/things/b')).status).toBe(200)
    expect(await store.readModel.parked()).toMatchObject([{ name: 'things_v1', kind: 'stream', key: 'thing-a', position: 2 }])
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 3, detail: expect.any(String) })
    const { status, headers } = await see('/things/b', { Prefer: 'complete' })
    expect([status, headers.get('row-parked')]).toEqual([200, null])
  })

  test('a row parked at its first event answers 503 to every client, as nobody knows what it is', async () => {
    const { say, see, get } = openThingApp()
    await say('a', 'poison')
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 1, detail: expect.any(String) })
    const answer = await get('/things/a')
    expectProblem(answer, 'parked', { projection: 'things', position: 1, detail: expect.any(String) })
    expect(answer.headers.get('row-parked')).toBe('1')
    expect((await get('/things/b')).headers.get('row-parked')).toBeNull()
  })

  test('a row parked in the page of its earlier events is not older than the position of its client', async () => {
    const { say, get, see, store } = openThingApp()
    // All three are read as one page, as the projection begins after them.
    await Promise.all([say('a', 'set', looks('apple')), say('a', 'poison'), say('a', 'set', looks('pear'))])
    await see('/things')
    expect(await store.readModel.parked()).toMatchObject([{ kind: 'key', key: 'a', position: 2 }])
    expect((await get('/things/a', { 'Min-Position': '1' })).body).toEqual({ key: 'a', ...looks('apple') })
  })

  test('a row parked between other events of one page stops at its event', async () => {
    const { say, get, see } = openThingApp()
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
    expect([keysOf(list.body), listOf(list.body).parked]).toEqual([['b'], true])
    const { body, headers } = await get('/things/a', { 'Min-Position': '1' })
    expect([body, headers.get('row-parked')]).toEqual([{ key: 'a', ...looks('apple') }, '2'])
    for (const [key, position] of [
      ['a', '2'],
      ['a', '3'],
      ['c', '5'],
    ])
      expect((await get(`/things/${key}`, { 'Min-Position': position! })).status).toBe(503)
  })

  test('a row with an event that cannot be read is parked itself, where its key is its instance', async () => {
    const { say, see, store, app } = openThingApp()
    await app[spec].start()
    await say('a', 'set', looks('apple'))
    const unread = { id: Bun.randomUUIDv7(), type: 'Set', schema: 'newer', data: '{"name":7}', meta: '{}' }
    await store.append([{ slices: [{ stream: 'thing-a', expect: 'any', events: [unread] }], keys: [] }])
    await say('b', 'set', looks('pear'))
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 3, detail: expect.any(String) })
    expect((await see('/things/b')).status).toBe(200)
  })
})
