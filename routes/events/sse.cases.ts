// A server of events over real sockets, its clients, and what many of them do.
import { describe, expect, test } from 'bun:test'
import { Hono } from 'hono'
import { connect } from 'node:net'
import type { Services } from '../../src/runtime.ts'
import { Account } from '../../src/test-support/account.ts'
import { openBank, range } from '../../src/test-support/bank.ts'
import { cleanUpLater } from '../../src/test-support/cleanup.ts'
import { decodeChunks, parser } from '../../src/test-support/event-stream.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { eventStream } from './events.ts'
import { Live } from './live.ts'

export type LiveServer = {
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

export async function serveLive(routes: (hono: Hono) => void = () => {}, idleTimeout = 10): Promise<LiveServer> {
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
export function connectClient({ server }: LiveServer, path = '/events', headers = '') {
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
export const awaitFollowers = ({ live }: LiveServer, count: number) => until(`${count} follow`, () => live.count === count)

/** So many clients at once, in four rounds. */
export function testManyClients(many: number): void {
  describe('many clients', () => {
    test('many clients that connect and disconnect leave nothing behind', async () => {
      const one = await serveLive()
      for (const round of range(4)) {
        const clients = range(many).map(i => connectClient(one, `/events?type=${i % 3 ? 'Deposited' : 'Withdrawn'}&after=0`))
        await awaitFollowers(one, many)
        await one.append()
        if (round % 2)
          await until('they are told', () => clients.filter(({ events }) => events.length > round).length > many * 0.64)
        for (const { socket } of clients) socket.destroy()
        await awaitFollowers(one, 0)
      }
      await until('nothing is left', () => one.server.pendingRequests === 0)
      expect([one.live.feeds, one.emaki.tail.waiting]).toEqual([0, 0])
      expect(one.emaki.bus.listeners).toBe(1)
    })

    test('many clients that disconnect before their answer leave nothing behind', async () => {
      const one = await serveLive()
      const clients = range(many).map(() => connectClient(one))
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
}

export function testLostConnections({ clients, events }: { readonly clients: number; readonly events: number }): void {
  describe('clients that lose their connections while events are appended', () => {
    const isRight = (seen: readonly number[]) => seen.every((position, i) => position === i + 1)

    /** What each of them saw, up to its end or to what is wrong. `lost` makes of the id they have the one they come back with. */
    async function storm(lost: (id: string) => string): Promise<readonly (readonly number[])[]> {
      const one = await serveLive()
      const follow = async (index: number): Promise<readonly number[]> => {
        const seen: number[] = []
        for (let last = '0'; Number(last) < events && isRight(seen); ) {
          const one_ = connectClient(one, '/events', `Last-Event-ID: ${seen.length ? lost(last) : last}\r\n`)
          const patience = 1 + ((index * 37 + seen.length * 13) % 120)
          const isOver = () => one_.isRefused() || Number(one_.lastId()) >= events
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
        for (let appended = 0; appended < events; appended += 5) {
          await one.append(5)
          await new Promise(resolve => setTimeout(resolve, 1))
        }
      }
      const [seen] = await Promise.all([Promise.all(range(clients).map(follow)), append()])
      await awaitFollowers(one, 0)
      return seen
    }
    const all = range(events).map(i => i + 1)

    test('clients that lose their connections while events are appended get each event once and in order', async () => {
      for (const seen of await storm(id => id)) expect(seen).toEqual(all)
    })

    test.each([
      ['twice', -1],
      ['not at all', +1],
    ])(
      'clients that reconnect one position off are found to get some events %s',
      async (_, by) => {
        const seen = await storm(id => String(Math.min(Math.max(Number(id) + by, 0), events)))
        expect(seen.some(one => one.length !== events || !isRight(one))).toBe(true)
      },
      20_000,
    )
  })
}
