import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { spec } from '../../src/definitions/event/events.ts'
import { projection } from '../../src/definitions/projection/projection.ts'
import { query } from '../../src/definitions/query.ts'
import { atPosition, expectProblem } from '../../src/test-support/http.ts'
import { looks, sets, Thing, things } from '../../src/test-support/shop.ts'
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

  test('the answer to a query on a parked row is without the row, says so, and is 503 to a client that prefers a complete one', async () => {
    const one = query('one', { params: z.object({}), cache: { ttl: '1 hour' }, run: async (_, read) => read(things).get('a') })
    const { say, get } = openThingApp([one])
    await say('a', 'set', looks('apple'))
    const position = await say('a', 'poison')
    const complete = atPosition(position, { Prefer: 'complete' })
    const answers = await Promise.all([
      get('/one', complete),
      get('/one', atPosition(position)),
      get('/one', complete),
      get(`/one?min-position=${position}`),
      get('/one'),
    ])
    expect(answers.map(({ status }) => status)).toEqual([503, 200, 503, 200, 200])
    for (const { status, body, headers } of answers)
      expect(pickHeaders(headers, 'row-parked', 'preference-applied').concat(status === 200 ? [body as null] : [])).toEqual(
        status === 200 ? ['2', null, null] : ['2', 'complete'],
      )
  })

  test('the answer to a query on a live row that cannot be folded is without the row, and says so', async () => {
    const live = projection('risky', {
      from: Thing,
      row: z.object({ n: z.int() }),
      initial: { n: 0 },
      evolve: {
        Poisoned: () => {
          throw new Error('poison')
        },
        Set: ({ n }) => ({ n: n + 1 }),
      },
      live: true,
    })
    const both = query('both', {
      params: z.object({}),
      run: async (_, read) => [await read(live).get('a'), await read(live).get('b')],
    })
    const { say, get } = openThingApp([live, both])
    await say('b', 'set', looks('pear'))
    const position = await say('a', 'poison')
    const { status, body, headers } = await get('/both', atPosition(position))
    expect([status, body, headers.get('row-parked')]).toEqual([200, [null, { key: 'b', n: 1 }], '2'])
    expect((await get('/both', { Prefer: 'complete' })).status).toBe(503)
  })

  test('the answer to a query on a list is without a parked row and is not kept, until the row is unparked', async () => {
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
    const hit = await get('/pears')
    expect(pickHeaders(hit.headers, 'cache-status', 'row-parked')).toEqual(['emaki; hit', null])
    await say('a', 'poison')
    const position = Number(await say('a', 'set', looks('pear')))
    await untilProcessed(emaki, position)
    let etag = ''
    for (const known of [0, 0, 2, position]) {
      const answer = await get('/pears', atPosition(`${known}`))
      expect([answer.status, answer.body]).toEqual([200, [0, 0]])
      expect(pickHeaders(answer.headers, 'row-parked', 'event-position', 'cache-control', 'surrogate-key', 'vary')).toEqual([
        '2',
        `${position}`,
        'private, no-cache',
        null,
        'Prefer',
      ])
      etag = answer.headers.get('etag')!
      const refused = await get('/pears', atPosition(`${known}`, { Prefer: 'complete' }))
      expectProblem(refused, 'parked', { projection: 'things', position, detail: expect.any(String) })
      expect(refused.headers.get('row-parked')).toBe('2')
    }
    expect((await get('/pears', { 'If-None-Match': etag })).status).toBe(304)
    // The text is the same, and a client must not go on to take it for the whole answer.
    expect((await get('/pears', { 'If-None-Match': hit.headers.get('etag')! })).status).toBe(200)
    await store.readModel.unpark('things_v1', 'a', 'skip')
    await until('it goes on', async () => (await get('/pears')).headers.get('row-parked') === null)
    expect((await get('/pears', atPosition(`${position}`))).body).toEqual([1, 1])
    const whole = await get('/pears', { Prefer: 'complete' })
    expect(pickHeaders(whole.headers, 'cache-status', 'preference-applied')).toEqual(['emaki; hit', 'complete'])
  })
})
