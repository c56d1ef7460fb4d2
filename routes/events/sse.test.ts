// Clients as they come: silent, slow, gone, and back again, over sockets of their own.
import { afterEach, describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { connect } from 'node:net'
import type { Services } from '../../src/runtime.ts'
import { Account } from '../../src/test-support/account.ts'
import { openBank, range } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { decodeChunks, eventsOf, parser } from '../../src/test-support/event-stream.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { eventStream } from './events.ts'
import { Live } from './live.ts'
import { type Chunk, encodeFrame, joinFrames, type BatchSource, sse } from './sse.ts'

afterEach(cleanUp)

type LiveServer = {
  readonly emaki: Services
  readonly live: Live
  readonly server: Bun.Server<unknown>
  readonly hono: Hono
  /** Moves the clock by which clients are told that we are there, and given up. */
  readonly advance: (ms: number) => void
  /** Waits until all who follow were looked after, more than once. */
  readonly looks: () => Promise<void>
  readonly append: (times?: number, note?: string) => Promise<unknown>
}

async function serveLive(routes: (hono: Hono) => void = () => {}, idleTimeout = 10): Promise<LiveServer> {
  const { emaki } = await openBank()
  let [now, looked] = [0, 0]
  const live = new Live(emaki, {
    report: error => void cleanUpLater(() => expect(error).toBeUndefined()),
    now: () => {
      looked++
      return now
    },
    checkEveryMs: 5,
  })
  const hono = new Hono()
  hono.use(async (c, next) => {
    c.set('emakiLive', live)
    await next()
  })
  routes(hono)
  hono.get('/events', eventStream)
  const server = Bun.serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1', development: false, idleTimeout })
  cleanUpLater(() => emaki.close())
  cleanUpLater(() => server.stop(true))
  cleanUpLater(() => live.stop())
  const append = (times = 1, note = '') =>
    emaki.append([{ stream: 'account-a', expect: 'any', events: range(times).map(i => Account.Deposited({ cents: i, note })) }])
  const advance = (ms: number) => {
    now += ms
  }
  const looks = () => {
    const before = looked
    return until('all were looked after', () => looked > before + 2)
  }
  return { emaki, live, server, hono, append, advance, looks }
}

/** A client on a socket of its own, which reads only while it is told to. */
function connectClient({ server }: LiveServer, path = '/events', headers = '') {
  const socket = connect(server.port!, '127.0.0.1')
  const parsed = parser()
  let isClosed = false
  const decoder = new TextDecoder()
  const take = decodeChunks(bytes => parsed.take(decoder.decode(bytes, { stream: true })))
  let isRefused = false
  socket.once('data', data => {
    isRefused = !data.toString('latin1').startsWith('HTTP/1.1 200')
  })
  socket.on('data', take)
  socket.on('close', () => {
    isClosed = true
  })
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n`)
  cleanUpLater(() => socket.destroy())
  return { socket, ...parsed, isClosed: () => isClosed, isRefused: () => isRefused }
}

/** Waits until the server has taken in so many. */
const awaitFollowers = ({ live }: LiveServer, count: number) => until(`${count} follow`, () => live.count === count)

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

describe('a thousand clients', () => {
  test('a thousand clients that connect and disconnect leave nothing behind', async () => {
    const one = await serveLive()
    for (const round of range(4)) {
      const clients = range(250).map(i => connectClient(one, `/events?type=${i % 3 ? 'Deposited' : 'Withdrawn'}&after=0`))
      await awaitFollowers(one, 250)
      await one.append()
      if (round % 2) await until('they are told', () => clients.filter(({ events }) => events.length > round).length > 160)
      for (const { socket } of clients) socket.destroy()
      await awaitFollowers(one, 0)
    }
    await until('nothing is left', () => one.server.pendingRequests === 0)
    expect([one.live.feeds, one.emaki.tail.waiting]).toEqual([0, 0])
    expect(one.emaki.bus.listeners).toBe(1)
  })

  test('a thousand clients that disconnect before their answer leave nothing behind', async () => {
    const one = await serveLive()
    const clients = range(250).map(() => connectClient(one))
    for (const { socket } of clients) socket.on('connect', () => setTimeout(() => socket.destroy(), Math.random() * 20))
    await until('all are gone', () => clients.every(({ isClosed }) => isClosed()))
    // It is answered once all that came before it were taken in.
    await fetch(`${one.server.url}events`, { method: 'HEAD' })
    await until('nothing is left', () => {
      const { emaki, live, server } = one
      return [server.pendingRequests, live.count, live.feeds, emaki.tail.waiting].every(left => left === 0)
    })
  })
})

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

describe('clients that lose their connections while events are appended', () => {
  const CLIENTS = 24
  const EVENTS = 1_500
  const isRight = (seen: readonly number[]) => seen.every((position, i) => position === i + 1)

  /** What each of them saw, up to its end or to what is wrong. `lost` makes of the id they have the one they come back with. */
  async function storm(lost: (id: string) => string): Promise<readonly (readonly number[])[]> {
    const one = await serveLive()
    const follow = async (index: number): Promise<readonly number[]> => {
      const seen: number[] = []
      for (let last = '0'; Number(last) < EVENTS && isRight(seen); ) {
        const one_ = connectClient(one, '/events', `Last-Event-ID: ${seen.length ? lost(last) : last}\r\n`)
        const patience = 1 + ((index * 37 + seen.length * 13) % 120)
        const isOver = () => one_.isRefused() || Number(one_.lastId()) >= EVENTS
        await until('it has some', () => one_.events.length >= patience || isOver())
        if (one_.isRefused()) break
        if (index % 4 === 0) one_.socket.pause()
        one_.socket.destroy()
        seen.push(...one_.events.map(({ id }) => Number(id)))
        last = one_.lastId()
      }
      return seen
    }
    const append = async () => {
      for (let appended = 0; appended < EVENTS; appended += 5) {
        await one.append(5)
        await new Promise(resolve => setTimeout(resolve, 1))
      }
    }
    const [seen] = await Promise.all([Promise.all(range(CLIENTS).map(follow)), append()])
    await awaitFollowers(one, 0)
    return seen
  }
  const all = range(EVENTS).map(i => i + 1)

  test('clients that lose their connections while events are appended get each event once and in order', async () => {
    for (const seen of await storm(id => id)) expect(seen).toEqual(all)
  })

  test.each([
    ['twice', -1],
    ['not at all', +1],
  ])(
    'clients that reconnect one position off are found to get some events %s',
    async (_, by) => {
      const seen = await storm(id => String(Math.min(Math.max(Number(id) + by, 0), EVENTS)))
      expect(seen.some(one => one.length !== EVENTS || !isRight(one))).toBe(true)
    },
    20_000,
  )
})
