// Clients as they come: silent, slow, gone, and back again, over sockets of their own. sse.long.test.ts has more of them.
import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { openBank, range } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { eventsOf } from '../../src/test-support/event-stream.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { Live } from './live.ts'
import { awaitFollowers, connectClient, serveLive, testLostConnections, testManyClients } from './sse.cases.ts'
import { type Chunk, encodeFrame, joinFrames, type BatchSource, sse } from './sse.ts'

afterEach(cleanUp)

/** A source that always has more, and how much was taken of it. */
function endlessSource(size: number): { readonly source: () => BatchSource; readonly taken: () => number } {
  let taken = 0
  const next = (): Chunk => ({
    bytes: joinFrames([encodeFrame({ id: `${++taken}`, event: 'x', data: 'y'.repeat(size) })]),
    id: `${taken}`,
  })
  return { source: () => ({ id: '0', next, close: () => {} }), taken: () => taken }
}

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

describe('a client that never reads', () => {
  test('a client that never reads is sent a bounded amount, and is cut off after 10 s', async () => {
    const { source, taken } = endlessSource(10_000)
    const one = await serveLive(hono => void hono.get('/slow', c => sse(c, source())))
    const slow = connectClient(one, '/slow')
    slow.socket.pause()
    await awaitStall(taken)
    const given = taken()
    for (const _ of range(20)) {
      await one.append()
      one.advance(400)
      await one.looks()
    }
    expect([taken(), one.live.count]).toEqual([given, 1])
    one.advance(2_000)
    await awaitFollowers(one, 0)
    slow.socket.resume()
    await until('its connection is gone', slow.isClosed)
    expect(one.server.pendingRequests).toBe(0)
  })

  test('a client that reads again within 10 s gets the rest', async () => {
    const one = await serveLive()
    const slow = connectClient(one)
    await awaitFollowers(one, 1)
    slow.socket.pause()
    for (const _ of range(15)) await one.append(40, 'x'.repeat(20_000))
    one.advance(9_999)
    await one.looks()
    slow.socket.resume()
    await until('all is there', () => slow.events.length === 600)
    expect(slow.events.map(({ id }) => Number(id))).toEqual(range(600).map(i => i + 1))
    expect(one.live.count).toBe(1)
  })

  test('a client that was cut off goes on at its position, without loss and without repeats', async () => {
    const one = await serveLive()
    const note = 'x'.repeat(20_000)
    // What the system held for it may be lost with the connection, down to the first id: it asks as it did at first, then.
    const slow = connectClient(one, '/events?after=0')
    await awaitFollowers(one, 1)
    slow.socket.pause()
    for (const _ of range(15)) await one.append(40, note)
    await until('it is cut off', () => {
      one.advance(1_000)
      return one.live.count === 0
    })
    slow.socket.resume()
    await until('its connection is gone', slow.isClosed)
    const seen = slow.events.map(({ id }) => Number(id))
    expect(seen.length).toBeLessThan(600)
    const back = eventsOf(await fetch(`${one.server.url}events?after=0`, { headers: { 'Last-Event-ID': slow.lastId() } }))
    await until('the rest is there', () => seen.length + back.events.length >= 600)
    expect([...seen, ...back.events.map(({ id }) => Number(id))]).toEqual(range(600).map(i => i + 1))
    await back.cancel()
  })

  test('a stream that ignores back-pressure is found by this test to send without bounds', async () => {
    const { source, taken } = endlessSource(300_000)
    const one = await serveLive(
      hono =>
        void hono.get('/slow', c => {
          const { next } = source()
          const pull = async (controller: ReadableStreamDirectController) => {
            while (!c.req.raw.signal.aborted) {
              void controller.write((next() as Chunk).bytes! as Uint8Array<ArrayBuffer>)
              await new Promise(resolve => setTimeout(resolve, 1))
            }
          }
          return c.body(new ReadableStream({ type: 'direct', pull }))
        }),
    )
    const slow = connectClient(one, '/slow')
    slow.socket.pause()
    await until('it is given more than any connection holds', () => taken() > 64)
  })
})

/** Waits until no more is taken, however often this process looks after its sockets. */
async function awaitStall(taken: () => number): Promise<void> {
  let [before, looks] = [-1, 0]
  await until('nothing goes any more', () => {
    looks = taken() > 0 && taken() === before ? looks + 1 : 0
    before = taken()
    return looks === 20
  })
}

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
    for (const data of ['a', 'b', 'c']) {
      pending.push(data, `${data}2`)
      wake()
    }
    await until('all are there', () => reader.events.length === 6)
    expect(reader.events.at(-1)).toEqual({ id: '6', type: 'row', data: 'c2' })
    reader.socket.destroy()
    await awaitFollowers(one, 0)
    expect(closed).toBe(1)
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
      return sse(c, { id: '7', next, close: () => {} })
    })
    const reader = eventsOf(await hono.request('/rows'))
    await until('it has ended', reader.hasEnded)
    expect([reader.lastId(), live.count]).toEqual(['7', 0])
    const fields = expect.objectContaining({ method: 'GET', path: '/rows' })
    expect(reported).toMatchObject([{ code: 'follower-failed', fields, cause: new Error('broken') }])
  })
})

testLostConnections({ clients: 6, events: 300 })
