import { afterEach, describe, expect, test } from 'bun:test'
import { spec } from '../../src/definitions/event/events.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
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
    const list = listOf((await get('/things')).body)
    expect([list.items.map(({ key }) => key), list.parked]).toEqual([['a', 'b'], ['a']])
  })

  test('a parked row makes lists and counts say so, and answer 503 to a client that knows the event', async () => {
    const { say, see, get } = openThingApp()
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
        expect([status, headers.get('row-parked'), headers.get('event-position'), listOf(body).position]).toEqual([
          200,
          '2',
          '1',
          1,
        ])
      }
    }
    expect(keysOf((await get('/things?name=pear')).body)).toEqual(['b'])
  })

  test('a parked stream without a key makes all rows say so, and answer 503 to a client that knows the event', async () => {
    const { say, see, get, app } = openThingApp()
    await say('a', 'set', looks('apple'))
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

  test('a row parked at its first event answers 404, and 503 to a client that knows the event', async () => {
    const { say, see, get } = openThingApp()
    await say('a', 'poison')
    expectProblem(await see('/things/a'), 'parked', { projection: 'things', position: 1, detail: expect.any(String) })
    const answer = await get('/things/a')
    expectProblem(answer, 'row-not-found')
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
    expect([keysOf(list.body), listOf(list.body).parked]).toEqual([['a', 'b'], ['a']])
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
