// Clients as they come: silent, slow, gone, and back again, over sockets of their own. sse.long.test.ts has more of
// them, and slow ones.
import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { openBank } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { eventsOf } from '../../src/test-support/event-stream.ts'
import { seriesOf } from '../../src/test-support/series.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { Live } from './live.ts'
import { awaitFollowers, connectClient, serveLive, testLostConnections, testManyClients } from './sse.cases.ts'
import { encodeFrame, type BatchSource, sse } from './sse.ts'

afterEach(cleanUp)

describe('a client whose filter lets nothing pass', () => {
  test('a stream whose filter lets nothing pass sends heartbeats with the position that was read up to', async () => {
    const one = await serveLive()
    const reader = eventsOf(await fetch(`${one.server.url}events?category=cart`))
    await awaitFollowers(one, 1)
    await one.append(3)
    await until('it has looked', () => one.emaki.tail.head === 3)
    one.advance(14_999)
    await one.looks()
    expect(reader.lastId()).toBe('0')
    one.advance(1)
    await until('it is told', () => reader.lastId() === '3')
    await one.append(1)
    await until('it is told again', () => {
      one.advance(15_000)
      return reader.lastId() === '4'
    })
    expect(reader.events).toEqual([])
    await reader.cancel()
  })

  test('a stream sends more heartbeats where the time-out of the server cannot be lifted', async () => {
    const one = await serveLive()
    const reader = eventsOf(await one.hono.request('/events?category=cart'))
    await awaitFollowers(one, 1)
    await one.append(1)
    await until('it has looked', () => one.emaki.tail.head === 1)
    one.advance(4_999)
    await one.looks()
    expect(reader.lastId()).toBe('0')
    one.advance(1)
    await until('it is told', () => reader.lastId() === '1')
    await reader.cancel()
    await awaitFollowers(one, 0)
  })
})

testManyClients(60)

test('a HEAD, and a response whose body is not read, follow nothing', async () => {
  const one = await serveLive()
  expect((await fetch(`${one.server.url}events`, { method: 'HEAD' })).status).toBe(200)
  const unread = await one.hono.request('/events')
  await one.append()
  expect([one.live.count, one.live.feeds, one.emaki.tail.waiting]).toEqual([0, 0, 0])
  await unread.body!.cancel()
  expect([one.live.count, one.live.feeds]).toEqual([0, 0])
})

describe('a source of another kind', () => {
  test('a source is read when it announces more, and is closed once when its client disconnects', async () => {
    let [wake, at, closed] = [() => {}, 0, 0]
    const pending: string[] = []
    const source: BatchSource = {
      kind: 'row',
      id: '0',
      open: wake_ => {
        wake = wake_
      },
      next: () => {
        const data = pending.shift()
        return data === undefined ? null : { bytes: encodeFrame({ id: `${++at}`, event: 'row', data }), id: `${at}` }
      },
      close: () => {
        closed++
      },
    }
    const one = await serveLive(hono => void hono.get('/rows', c => sse(c, source)))
    const reader = connectClient(one, '/rows')
    await awaitFollowers(one, 1)
    const following = { sse: 0, websocket: 0, row: 1, logs: 0 }
    expect(await seriesOf(one.live.services.metrics, 'emaki.listeners')).toEqual(following)
    for (const data of ['a', 'b', 'c']) {
      pending.push(data, `${data}2`)
      wake()
    }
    await until('all are there', () => reader.events.length === 6)
    expect(reader.events.at(-1)).toEqual({ id: '6', type: 'row', data: 'c2' })
    reader.socket.destroy()
    await awaitFollowers(one, 0)
    expect(closed).toBe(1)
    // A client that leaves by itself is not cut off.
    expect(await seriesOf(one.live.services.metrics, 'emaki.listeners.cut')).toEqual({})
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
  ] as const)('a source that %s ends its stream, and the error is reported', async (_, next) => {
    const { emaki } = await openBank()
    cleanUpLater(() => emaki.close())
    const reported: unknown[] = []
    const live = new Live(emaki, { report: error => void reported.push(error) })
    const hono = new Hono().get('/rows', c => {
      c.set('emakiLive', live)
      return sse(c, { kind: 'row', id: '7', next, close: () => {} })
    })
    const reader = eventsOf(await hono.request('/rows'))
    await until('it has ended', reader.hasEnded)
    expect([reader.lastId(), live.count]).toEqual(['7', 0])
    const fields = expect.objectContaining({ method: 'GET', path: '/rows' })
    expect(reported).toMatchObject([{ code: 'follower-failed', fields, cause: new Error('broken') }])
    expect(await seriesOf(emaki.metrics, 'emaki.listeners.cut')).toEqual({ 'row failed': 1 })
  })
})

testLostConnections({ clients: 6, events: 300 })
