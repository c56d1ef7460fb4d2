// WebSockets as clients have them, on a server of Bun's.
import { afterEach, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { Hono } from 'hono'
import type { AppOptions } from '../app.ts'
import { readConfig } from '../../src/config.ts'
import { spec } from '../../src/definitions/event/events.ts'
import { Account, account } from '../../src/test-support/account.ts'
import { bank, range } from '../../src/test-support/bank.ts'
import { failsBefore } from '../../src/test-support/faulty-store.ts'
import { type Client, client } from '../../src/test-support/http.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { Live } from './live.ts'
import { websocket } from './server.ts'
import { eventSocket } from './socket.ts'

const left: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of left.splice(0).toReversed()) await undo()
})

type Made = Client & {
  readonly server: Bun.Server<unknown>
  readonly deposit: (times?: number, note?: string) => Promise<unknown>
}

function made(options: Partial<AppOptions> = {}): Made {
  const made = client(options)
  const { fetch, websocket } = made.app
  const server = Bun.serve({ fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
  left.push(
    () => server.stop(true),
    () => made.app[spec].stop(),
  )
  const deposit = (times = 1, note = '') => made.post('/account/a1/deposit', { cents: 1, times, note })
  return { ...made, server, deposit }
}

type Said = { readonly type: string; readonly id?: string; readonly event?: { readonly type: string }; readonly problem?: object }
type Socket = {
  readonly said: readonly Said[]
  readonly events: () => readonly number[]
  readonly say: (message: unknown) => void
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>
  readonly protocol: () => string
  readonly close: () => void
}

async function open({ server }: Made, headers: Readonly<Record<string, string>> = {}): Promise<Socket> {
  const url = `ws://127.0.0.1:${server.port}/events`
  // Bun takes headers, which browsers do not.
  const socket = new WebSocket(url, { protocols: ['cloudevents.json'], headers } as unknown as string[])
  const said: Said[] = []
  socket.onmessage = ({ data }) => void said.push(JSON.parse(data as string) as Said)
  const { promise: closed, resolve } = Promise.withResolvers<{ readonly code: number; readonly reason: string }>()
  socket.onclose = ({ code, reason }) => resolve({ code, reason })
  const opened = new Promise<boolean>(resolve => {
    socket.onopen = () => resolve(true)
    socket.onerror = () => resolve(false)
  })
  left.push(() => socket.close())
  if (!(await opened)) throw new Error('it was not upgraded')
  return {
    said,
    events: () => said.filter(({ type }) => type === 'event').map(({ id }) => Number(id)),
    say: message => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    closed,
    protocol: () => socket.protocol,
    close: () => socket.close(),
  }
}

async function subscribed(one: Made, subscribe: object, headers: Readonly<Record<string, string>> = {}): Promise<Socket> {
  const socket = await open(one, headers)
  socket.say({ type: 'subscribe', ...subscribe })
  await until('it is told where it begins', () => socket.said.length > 0)
  return socket
}

const has = (socket: Socket, ...positions: number[]) =>
  until(`${positions} are there`, () => socket.events().join() === positions.join())
const status = async ({ server }: Made, headers: Readonly<Record<string, string>> = {}) => {
  const upgrade = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  }
  const socket = connect(server.port!, '127.0.0.1')
  left.push(() => socket.destroy())
  const lines = Object.entries({ Host: `127.0.0.1:${server.port}`, ...upgrade }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET /events HTTP/1.1\r\n${lines.join('')}\r\n`)
  const said = await new Promise<string>(resolve => socket.once('data', data => resolve(data.toString())))
  return Number(said.slice(9, 12))
}

describe('over a WebSocket', () => {
  test('events come as CloudEvents, behind the position that was asked for', async () => {
    const one = made()
    await one.deposit(3)
    const socket = await subscribed(one, { after: '1', credit: 10 })
    expect(socket.protocol()).toBe('cloudevents.json')
    await has(socket, 2, 3)
    const stored = await one.store.readAll({ after: 1, limit: 1 })
    expect(socket.said[0]).toEqual({ type: 'position', id: '1' })
    expect(socket.said[1]).toEqual({
      type: 'event',
      id: '2',
      event: expect.objectContaining({ specversion: '1.0', id: stored[0]!.id, type: 'account.Deposited', globalposition: '2' }),
    })
    await one.deposit(1)
    await has(socket, 2, 3, 4)
  })

  test('they begin with what happens from now on, or behind a number as behind a text', async () => {
    const one = made()
    await one.deposit(2)
    const [now, all] = [await subscribed(one, { credit: 10 }), await subscribed(one, { after: 0, credit: 10 })]
    await one.deposit(1)
    await has(now, 3)
    await has(all, 1, 2, 3)
  })

  test('no more come than there is credit for', async () => {
    const one = made()
    await one.deposit(5)
    const socket = await subscribed(one, { after: 0 })
    await one.deposit(1)
    expect(socket.events()).toEqual([])
    socket.say({ type: 'credit', n: 2 })
    await has(socket, 1, 2)
    await one.deposit(2)
    expect(socket.events()).toEqual([1, 2])
    socket.say({ type: 'credit', n: 1 })
    await has(socket, 1, 2, 3)
    socket.say({ type: 'credit', n: 100 })
    await has(socket, 1, 2, 3, 4, 5, 6, 7, 8)
  })

  test('only what passes the filter comes, and only that costs credit', async () => {
    const one = made()
    await one.deposit(3)
    await one.post('/account/a1/withdraw', { cents: 1 })
    await one.deposit(3)
    await one.post('/account/a2/deposit', { cents: 1 })
    const filters = [{ types: ['Withdrawn'] }, { streams: ['account-a2'] }, { categories: ['cart'] }]
    const sockets = await Promise.all(filters.map(filter => subscribed(one, { after: 0, filter, credit: 1 })))
    await has(sockets[0]!, 4)
    await has(sockets[1]!, 8)
    expect(sockets[2]!.events()).toEqual([])
  })

  test('another subscription takes the place of the one before', async () => {
    const one = made()
    await one.deposit(3)
    const socket = await subscribed(one, { after: 0, credit: 2 })
    await has(socket, 1, 2)
    socket.say({ type: 'subscribe', after: 0, filter: { types: ['Withdrawn'] }, credit: 9 })
    await until('it is told where it begins', () => socket.said.length === 4)
    await one.deposit(1)
    await one.post('/account/a1/withdraw', { cents: 1 })
    await has(socket, 1, 2, 5)
  })

  test('a long log comes whole and in order, however the credit is given', async () => {
    const one = made()
    for (const _ of range(8)) await one.deposit(250, 'x'.repeat(200))
    const socket = await subscribed(one, { after: 0, credit: 1 })
    let given = 1
    while (socket.events().length < 2_000) {
      socket.say({ type: 'credit', n: 137 })
      given += 137
      await until('it has come', () => socket.events().length === Math.min(given, 2_000))
    }
    expect(socket.events()).toEqual(range(2_000).map(i => i + 1))
  })

  test.each([
    ['no JSON', '{', 'malformed-json'],
    ['no message', '{"type":"nonsense"}', 'validation-failed'],
    ['nothing', '""', 'validation-failed'],
    ['a credit of nothing', '{"type":"credit","n":0}', 'validation-failed'],
    ['a position that is none', '{"type":"subscribe","after":"x"}', 'validation-failed'],
    ['a position above the head', '{"type":"subscribe","after":7}', 'unknown-position'],
    ['a position of another epoch', '{"type":"subscribe","after":"2.0"}', 'unknown-position'],
  ])('%s is answered with what is wrong with it, and the end', async (_, said, slug) => {
    const socket = await open(made())
    socket.say(said)
    expect(await socket.closed).toEqual({ code: 1008, reason: slug })
    expect(socket.said).toMatchObject([{ type: 'error', problem: { type: `/problems/${slug}` } }])
  })

  test('two subscriptions at once are refused', async () => {
    const one = made()
    await one.app[spec].start()
    const gate = one.store.hold('head')
    const socket = await open(one)
    socket.say({ type: 'subscribe' })
    await gate.reached
    socket.say({ type: 'subscribe' })
    expect(await socket.closed).toEqual({ code: 1008, reason: 'validation-failed' })
    gate.open()
  })

  test('a log that cannot be read ends it for now', async () => {
    const one = made()
    await one.app[spec].start()
    one.store.next('head', failsBefore())
    const socket = await open(one)
    socket.say({ type: 'subscribe' })
    expect(await socket.closed).toEqual({ code: 1013, reason: 'unavailable' })
    expect(one.reported).toEqual([])
  })

  test('a process that stops says so, and takes nobody any more', async () => {
    const one = made()
    const sockets = [await subscribed(one, {}), await open(one)]
    one.app[spec].disconnectFollowers()
    for (const { closed } of sockets) expect(await closed).toEqual({ code: 1012, reason: 'restart' })
    expect(await status(one)).toBe(503)
  })

  test('what comes and goes leaves nothing behind', async () => {
    const one = made()
    const emaki = await one.app[spec].start()
    const sockets = await Promise.all(range(100).map(i => subscribed(one, { after: 0, filter: { types: [`T${i}`] }, credit: 1 })))
    await until('one waits for all', () => emaki.tail.waiting === 1)
    for (const { close } of sockets) close()
    await until('nobody waits', () => emaki.tail.waiting === 0 && one.server.pendingWebSockets === 0)
  })
})

describe('a client that takes nothing', () => {
  /** Events of 12 MB and a client that has taken none of them, on a clock that is moved by hand. */
  async function stalled() {
    const { emaki } = await bank()
    let [now, looked] = [0, 0]
    const clock = () => {
      looked++
      return now
    }
    const live = new Live(emaki, { report: () => {}, now: clock, lookEveryMs: 5 })
    const hono = new Hono()
    hono.get('/events', c => {
      c.set('live', live)
      return eventSocket(c, [], () => true)
    })
    const server = Bun.serve({ fetch: hono.fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
    left.push(
      () => emaki.close(),
      () => server.stop(true),
    )
    const slow = await raw(server)
    slow.say({ type: 'subscribe', after: 0, credit: 1_000_000 })
    await until('it is told where it begins', () => slow.text().includes('"type":"position"'))
    slow.socket.pause()
    const events = range(40).map(i => Account.Deposited({ cents: i, note: 'x'.repeat(20_000) }))
    for (const _ of range(15)) await emaki.append([{ stream: 'account-a', expect: 'any', events }])
    const advance = async (ms: number) => {
      now += ms
      const before = looked
      await until('it was looked after', () => looked > before + 2 || live.count === 0)
    }
    return { server, live, slow, advance }
  }

  test('is given the rest when it reads again in time', async () => {
    const { live, slow, advance } = await stalled()
    await advance(9_999)
    slow.socket.resume()
    await until('nearly all is there', () => slow.bytes() > 600 * 20_000)
    await until('all is there', () => slow.positions().length === 600)
    expect(slow.positions()).toEqual(range(600).map(i => i + 1))
    expect(live.count).toBe(1)
  })

  test('is told to try later when it takes nothing for 10 s, and goes on where it was', async () => {
    const { server, live, slow, advance } = await stalled()
    await until('it is let go', async () => {
      await advance(10_000)
      return live.count === 0
    })
    expect([server.pendingWebSockets, live.feeds]).toEqual([0, 0])
    slow.socket.resume()
    await until('it is told', () => slow.text().includes('too slow'))
    // The code stands before the reason.
    const said = slow.text()
    expect(Buffer.from(said.slice(said.indexOf('too slow') - 2), 'latin1').readUInt16BE()).toBe(1013)
    const seen = slow.positions()
    expect(seen).toEqual(range(seen.length).map(i => i + 1))
    expect(seen.length).toBeLessThan(600)
    const back = await raw(server)
    back.say({ type: 'subscribe', after: seen.at(-1)!, credit: 1_000_000 })
    await until('nearly all of the rest is there', () => back.bytes() > (600 - seen.length) * 20_000)
    await until('the rest is there', () => seen.length + back.positions().length === 600)
    expect([...seen, ...back.positions()]).toEqual(range(600).map(i => i + 1))
  })
})

/** A WebSocket by hand, which reads only while it is told to. */
async function raw(server: Bun.Server<unknown>) {
  const socket = connect(server.port!, '127.0.0.1')
  left.push(() => socket.destroy())
  const chunks: Buffer[] = []
  let bytes = 0
  socket.on('data', data => {
    chunks.push(Buffer.from(data))
    bytes += data.length
  })
  socket.on('error', () => {})
  const lines = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version: 13',
  ]
  socket.write(`GET /events HTTP/1.1\r\nHost: x\r\n${lines.join('\r\n')}\r\n\r\n`)
  const text = () => Buffer.concat(chunks).toString('latin1')
  await until('it is upgraded', () => text().includes('\r\n\r\n'))
  return {
    socket,
    text,
    bytes: () => bytes,
    say: (message: object) => {
      const text = Buffer.from(JSON.stringify(message))
      // A short text, whole, under a mask of zeros.
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
    },
    positions: () =>
      [
        ...Buffer.concat(chunks)
          .toString('latin1')
          .matchAll(/"type":"event","id":"(\d+)"/g),
      ].map(([, id]) => Number(id)),
  }
}

describe('a WebSocket is opened', () => {
  const production = { config: readConfig({ NODE_ENV: 'production' }) }

  test('for pages of the same host, of those that are named, and for what is no page', async () => {
    const one = made({ origins: ['https://shop.example'] })
    const own = `http://127.0.0.1:${one.server.port}`
    for (const [origin, expected] of [
      [own, 101],
      ['https://shop.example', 101],
      ['https://evil.example', 403],
      ['null', 403],
    ] as const)
      expect([origin, await status(one, { Origin: origin })]).toEqual([origin, expected])
    expect(await status(one)).toBe(101)
  })

  test('with our sub-protocol or none, and no other', async () => {
    const one = made()
    expect(await status(one, { 'Sec-WebSocket-Protocol': 'graphql-transport-ws, cloudevents.json' })).toBe(101)
    expect(await status(one, { 'Sec-WebSocket-Protocol': 'graphql-transport-ws' })).toBe(400)
  })

  test('in production for whom the guard lets pass, or who has the token', async () => {
    expect(await status(made(production))).toBe(403)
    const guarded = made({ ...production, guard: c => c.req.header('x-role') === 'admin' || c.text('no', 418) })
    expect([await status(guarded), await status(guarded, { 'X-Role': 'admin' })]).toEqual([418, 101])
    const bearer = made({ config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) })
    expect([await status(bearer), await status(bearer, { Authorization: 'Bearer a-token-of-16-characters' })]).toEqual([401, 101])
  })

  test('in production for anybody where something is public, and for that only', async () => {
    for (const options of [
      production,
      { config: readConfig({ NODE_ENV: 'production', ADMIN_TOKEN: 'a-token-of-16-characters' }) },
    ]) {
      const one = made({ ...options, publicStreams: [account] })
      await one.deposit(1)
      const socket = await subscribed(one, { after: 0, filter: { categories: ['account'] }, credit: 1 })
      await has(socket, 1)
      socket.say({ type: 'subscribe' })
      expect(await socket.closed).toEqual({ code: 4403, reason: 'forbidden' })
    }
  })

  test('not where the server was given no handlers for it', async () => {
    const { app } = client()
    const server = Bun.serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1', development: false })
    left.push(() => server.stop(true))
    expect(await status({ server } as Made)).toBe(400)
  })
})
