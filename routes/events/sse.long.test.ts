// Many clients, slow ones, and the idle time-out of a server, which goes by the real clock.
import { afterEach, describe, expect, test } from 'bun:test'
import { range } from '../../src/test-support/bank.ts'
import { cleanUp } from '../../src/test-support/cleanup.ts'
import { eventsOf } from '../../src/test-support/event-stream.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { awaitFollowers, connectClient, serveLive, testLostConnections, testManyClients } from './sse.cases.ts'
import { type BatchSource, type Chunk, encodeFrame, joinFrames, sse } from './sse.ts'

afterEach(cleanUp)

/** A source that always has more, and how much was taken of it. */
function endlessSource(size: number): { readonly source: () => BatchSource; readonly taken: () => number } {
  let taken = 0
  const next = (): Chunk => ({
    bytes: joinFrames([encodeFrame({ id: `${++taken}`, event: 'x', data: 'y'.repeat(size) })]),
    id: `${taken}`,
  })
  return { source: () => ({ kind: 'sse', id: '0', next, close: () => {} }), taken: () => taken }
}

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

describe('a client whose filter lets nothing pass', () => {
  test('a stream outlives the idle time-out of the server, which ends other answers', async () => {
    const one = await serveLive(
      hono =>
        void hono.get('/other', c =>
          c.body(new ReadableStream({ start: controller => controller.enqueue(new TextEncoder().encode('begun')) })),
        ),
      1,
    )
    const ours = connectClient(one)
    const other = connectClient(one, '/other')
    await until('the other is ended', other.isClosed)
    expect(ours.isClosed()).toBe(false)
    await one.append()
    await until('it is told', () => ours.events.length === 1)
  })
})

testManyClients(250)
testLostConnections({ clients: 24, events: 1_500 })
