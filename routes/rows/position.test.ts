import { afterEach, describe, expect, test } from 'bun:test'
import { token } from '../../src/ports/store/token.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { listOf } from '../../src/test-support/listed-things.ts'

afterEach(cleanUp)

describe('rows by position', () => {
  test('rows are as new as the position of the command that the client sent', async () => {
    const { say, see } = openThingApp()
    for (let price = 0; price < 30; price++) {
      await say('a', 'set', looks('apple', { price }))
      expect((await see('/things/a')).body).toMatchObject({ price })
      expect(listOf((await see('/things')).body).items).toMatchObject([{ price }])
    }
  })

  test.each(['things/a', 'things', 'shelves/top', 'sets/a'])('GET /%s takes the position in the query string too', async path => {
    const { say, get } = openThingApp()
    const position = await say('a', 'set', looks('apple'))
    const { status, headers } = await get(`/${path}?min-position=${position}`)
    expect([status, headers.get('event-position')]).toEqual([200, '1'])
    const both = await get(`/${path}?min-position=${Number(position) + 1}`, { 'Min-Position': position })
    expectProblem(both, 'unknown-position', { detail: '2 is no position of this log' })
  })

  test.each(['2', '9007199254740991', '2.1', '3.0', '999999999.1'])(
    'GET of rows at %s, a position of another log, answers 409 without a wait',
    async at => {
      const { say, see, get } = openThingApp()
      await say('a', 'set', looks('apple'))
      await see('/things/a')
      for (const path of ['/things/a', '/things', '/sets/a'])
        expectProblem(await get(path, { 'Min-Position': at, Prefer: 'wait=30' }), 'unknown-position', {
          detail: `${at} is no position of this log`,
        })
    },
  )

  test.each(['', 'x', '-1', '1.5', '01', '1.1', '1e3', '9007199254740992', '1, 1', '"1"', ' 1 2'])(
    'GET of rows at %j, which is no position, answers 400',
    async at => {
      const { get } = openThingApp()
      expectProblem(await get('/things/a', { 'Min-Position': at }), 'bad-header', {
        detail: expect.stringContaining('Min-Position'),
      })
    },
  )

  test('rows carry the epoch of a restored log in every position', async () => {
    const inner = memory()
    const { say, get, post } = openThingApp([], {
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
    expect([list.headers.get('event-position'), listOf(list.body).position]).toEqual(['3.1', 1])
    expect((await post('/thing/a/set', looks('pear'))).headers.get('event-position')).toBe(token({ epoch: 3 }, 2))
  })
})
