import { afterEach, describe, expect, test } from 'bun:test'
import { failsBefore } from '../../src/test-support/failing-store.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { looks } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openThingApp } from '../../src/test-support/thing-app.ts'
import { keysOf } from '../../src/test-support/listed-things.ts'

afterEach(cleanUp)

describe('GET /{projection}/{key}', () => {
  test('GET /{projection}/{key} answers with the row, its key, its position and a tag', async () => {
    const { say, see } = openThingApp()
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

  test('GET /{projection}/{key} answers 304 to a client that has the row, however far the log went on', async () => {
    const { say, see, ask } = openThingApp()
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

  test('GET /{projection}/{key} answers 404 for a key without a row, with a deleted row, or that no row can have', async () => {
    const { say, see } = openThingApp()
    await say('a', 'set', looks('apple'))
    await say('a', 'remove')
    for (const key of ['a', 'nobody', '__proto__', 'constructor', '%00', 'a%00', 'x'.repeat(500), '%ED%A0%80', '%FF', '%25FF'])
      expectProblem(await see(`/things/${key}`), 'row-not-found')
  })

  test('GET /{projection}/{key} finds keys of every kind, byte for byte', async () => {
    const { say, see } = openThingApp()
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
    expect(keysOf((await see('/things')).body).toSorted()).toEqual(odd.toSorted())
  })

  test('GET /{projection}/{key} of a live projection folds the row from its stream', async () => {
    const { say, get } = openThingApp()
    await say('a', 'set', looks('apple'))
    const { body, headers } = await get('/sets/a')
    expect([body, headers.get('event-position')]).toEqual([{ key: 'a', times: 1 }, '1'])
    expectProblem(await get('/sets/b'), 'row-not-found')
    await say('a', 'remove')
    expectProblem(await get('/sets/a'), 'row-not-found')
    expectProblem(await get('/sets'), 'not-found')
  })

  test('GET /{projection}/{key} answers 503 while the store does not answer', async () => {
    const { say, see, get, store } = openThingApp()
    await say('a', 'set', looks('apple'))
    await see('/things/a')
    store.next('read', failsBefore())
    expectProblem(await get('/sets/a'), 'unavailable')
  })
})
