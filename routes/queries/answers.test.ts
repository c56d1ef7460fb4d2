import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { spec } from '../../src/definitions/event/events.ts'
import { query } from '../../src/definitions/query.ts'
import { atPosition, expectProblem } from '../../src/test-support/http.ts'
import { looks, sets, things } from '../../src/test-support/shop.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { pickHeaders } from '../../src/test-support/headers.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { prices } from '../../src/test-support/thing-queries.ts'
import { untilProcessed } from '../../src/test-support/until-processed.ts'

afterEach(cleanUp)

describe('the answer to a query', () => {
  test('the answer to a query on rows has its position and a tag', async () => {
    const { say, get } = openThingApp([prices])
    await say('a', 'set', looks('apple', { price: 2 }))
    const position = await say('b', 'set', looks('pear', { price: 3 }))
    const answer = await get('/prices?shelf=top', atPosition(position))
    expect([answer.status, answer.body]).toEqual([200, { prices: [3, 2], times: 2 }])
    expect(pickHeaders(answer.headers, 'event-position', 'cache-control', 'cache-status', 'age', 'vary')).toEqual([
      '2',
      'private, no-cache',
      null,
      null,
      null,
    ])
    const again = await get('/prices?shelf=top', atPosition(position, { 'If-None-Match': answer.headers.get('etag')! }))
    expect([again.status, again.body, ...pickHeaders(again.headers, 'etag', 'event-position')]).toEqual([
      304,
      '',
      answer.headers.get('etag'),
      '2',
    ])
    expect((await get('/prices?shelf=low', atPosition(position))).body).toEqual({ prices: [], times: 0 })
  })

  test('the answer to a query that finds nothing is null', async () => {
    const nothing = query('nothing', { params: z.object({}), run: async () => undefined })
    const { status, body } = await openThingApp([nothing]).get('/nothing')
    expect([status, body]).toEqual([200, null])
  })

  test('the answer to a query that throws is 500, and the error is reported', async () => {
    const broken = query('broken', { params: z.object({}), run: async () => Promise.reject(new Error('a secret of the query')) })
    const listed = query('listed', { params: z.object({}), run: async (_, read) => read(sets).list() })
    const { get, reported } = openThingApp([broken, listed])
    expectProblem(await get('/broken'), 'internal', { requestId: expect.any(String) })
    expectProblem(await get('/listed'), 'internal', { requestId: expect.any(String) })
    expect(reported).toMatchObject([
      { code: 'request-failed', fields: { query: 'broken' }, cause: new Error('a secret of the query') },
      { code: 'request-failed', fields: { query: 'listed' }, message: expect.stringContaining('sets is live') },
    ])
  })

  test('the answer to a query on a live projection is as new as the log', async () => {
    const times = query('times', { params: z.object({ id: z.string() }), run: async ({ id }, read) => read(sets).get(id) })
    const { say, get } = openThingApp([times])
    const position = await say('a', 'set', looks('apple'))
    expect((await get('/times?id=a', atPosition(position))).body).toEqual({ key: 'a', times: 1 })
    expect((await get('/times?id=b')).body).toBeNull()
  })

  test('the answer to a query on a parked row is 503 to a client that knows the event, else 200', async () => {
    const one = query('one', { params: z.object({}), cache: { ttl: '1 hour' }, run: async (_, read) => read(things).get('a') })
    const { say, get } = openThingApp([one])
    await say('a', 'set', looks('apple'))
    const position = await say('a', 'poison')
    const answers = await Promise.all([
      get('/one', atPosition(position)),
      get('/one'),
      get('/one', atPosition(position)),
      get('/one'),
    ])
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 503, 200])
    expect((await get('/one?min-position=1')).body).toMatchObject({ key: 'a' })
    expect((await get(`/one?min-position=${position}`)).status).toBe(503)
  })

  test('the answer to a query on a list is 503 to a client that knows the event of a parked row', async () => {
    const pears = query('pears', {
      params: z.object({}),
      cache: { ttl: '1 hour', public: true },
      run: async (_, read) => [await read(things).count({ name: 'pear' }), (await read(things).list({ name: 'pear' })).length],
    })
    const { say, get, app } = openThingApp([pears])
    await say('a', 'set', looks('apple'))
    const emaki = await app[spec].start()
    const { store } = emaki
    await untilProcessed(emaki, 1)
    expect(pickHeaders((await get('/pears')).headers, 'cache-status', 'row-parked')).toEqual(['emaki; fwd=miss', null])
    expect(pickHeaders((await get('/pears')).headers, 'cache-status', 'row-parked')).toEqual(['emaki; hit', null])
    await say('a', 'poison')
    const position = Number(await say('a', 'set', looks('pear')))
    await untilProcessed(emaki, position)
    for (let i = 0; i < 2; i++) {
      const answer = await get('/pears')
      expect([answer.status, answer.body]).toEqual([200, [0, 0]])
      expect(pickHeaders(answer.headers, 'row-parked', 'event-position', 'cache-control', 'surrogate-key')).toEqual([
        '2',
        '1',
        'private, no-cache',
        null,
      ])
      for (const known of [2, position]) {
        const refused = await get('/pears', atPosition(`${known}`))
        expectProblem(refused, 'parked', { projection: 'things', position, detail: expect.any(String) })
        expect(refused.headers.get('row-parked')).toBe('2')
      }
    }
    await store.readModel.unpark('things_v1', 'a', 'skip')
    await until('it goes on', async () => (await get('/pears')).headers.get('row-parked') === null)
    expect((await get('/pears', atPosition(`${position}`))).body).toEqual([1, 1])
  })
})
