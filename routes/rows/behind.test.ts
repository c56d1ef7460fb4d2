import { afterEach, describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { projection } from '../../src/definitions/projection/projection.ts'
import { memory } from '../../src/ports/store/memory.ts'
import { expectProblem } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { looks, Thing, thing, things } from '../../src/test-support/shop.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { openHeldThingApp, openThingApp } from '../../src/test-support/thing-app.ts'
import { listOf } from '../../src/test-support/listed-things.ts'

afterEach(cleanUp)

describe('rows that are behind', () => {
  test('rows that are behind answer 503 with the lag once the client has waited, and old rows without Min-Position', async () => {
    const { get, position, release } = await openHeldThingApp()
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
    release()
  })

  test('rows that are behind answer as soon as they have the position', async () => {
    const { get, position, release } = await openHeldThingApp()
    const waiting = get('/things/a', { 'Min-Position': position, Prefer: 'return=minimal, wait=20' })
    release()
    const { body, headers } = await waiting
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
  ])('rows that are behind are waited for with Prefer: %s', async (prefer, applied) => {
    const { say, see, get } = openThingApp()
    await say('a', 'set', looks('apple'))
    expect((await see('/things/a', { Prefer: prefer })).headers.get('preference-applied')).toBe(applied)
    expect((await get('/things/a', { Prefer: prefer })).headers.get('preference-applied')).toBeNull()
  })

  test('rows that are frozen while a newer version is built say so, and answer 503 to a newer position', async () => {
    const inner = memory()
    const before = openThingApp([], { store: inner })
    await before.say('a', 'set', looks('apple'))
    expect((await before.see('/things/a')).status).toBe(200)
    await before.stop()
    const newer = projection('things', {
      from: Thing,
      row: z.object({ name: z.string() }),
      initial: { name: '' },
      evolve: { Set: (_, { name }) => ({ name }) },
      version: 2,
      previous: things,
      frozen: true,
    })
    const gate = Promise.withResolvers<void>()
    const commit: typeof inner.readModel.commit = async page => {
      if (page.table === 'things_v2') await gate.promise
      return inner.readModel.commit(page)
    }
    const store = { ...inner, readModel: { ...inner.readModel, commit } }
    const { say, see, get } = openThingApp([], { serve: [thing, newer], store })
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
    expect(listOf((await get('/things')).body)).toMatchObject({ items: [{ key: 'a', name: 'apple' }], frozen: true, position: 1 })
    gate.resolve()
    await until('the newer one serves', async () => (await get('/things/a')).headers.get('row-frozen') === null)
    expect((await see('/things/a')).body).toEqual({ key: 'a', name: 'pear' })
  })

  test('rows that were emptied answer 503 to a client that knows the position that they had', async () => {
    const { say, see, get, store } = openThingApp()
    await say('a', 'set', looks('apple'))
    await see('/things/a')
    const { get: real } = store.readModel
    // As it is between a reset elsewhere and the moment this process hears of it.
    store.readModel.get = async () => ({ found: null, position: 0, parked: null, parkedStream: null })
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
