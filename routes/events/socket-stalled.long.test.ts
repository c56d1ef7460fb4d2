// WebSocket clients that are slow, on a server of Bun's, by the clock of a test.
import { afterEach, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { Hono } from 'hono'
import { Account } from '../../src/test-support/account.ts'
import { openBank, range } from '../../src/test-support/bank.ts'
import { cleanUp, cleanUpLater } from '../../src/test-support/cleanup.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { Live } from './live.ts'
import { websocket } from './server.ts'
import { eventSocket } from './socket.ts'

afterEach(cleanUp)

describe('a WebSocket client that does not read', () => {
  /** A server whose followers have a clock that is moved by hand. */
  async function serveLive() {
    const { emaki } = await openBank()
    let [now, looked] = [0, 0]
    const clock = () => {
      looked++
      return now
    }
    const live = new Live(emaki, { report: () => {}, now: clock, checkEveryMs: 5 })
    const hono = new Hono()
    hono.get('/events', c => {
      c.set('emakiLive', live)
      return eventSocket(c, { origins: [], checkOf: () => null, until: null })
    })
    const server = Bun.serve({ fetch: hono.fetch, websocket, port: 0, hostname: '127.0.0.1', development: false })
    cleanUpLater(() => emaki.close())
    cleanUpLater(() => server.stop(true))
    const advance = async (ms: number) => {
      now += ms
      const before = looked
      await until('it was looked after', () => looked > before + 2 || live.count === 0)
    }
    return { emaki, live, server, advance }
  }

  test('a WebSocket client gets its position after 15 s in which nothing passed its filter', async () => {
    const one = await serveLive()
    const slow = await raw(one.server)
    slow.say({ type: 'subscribe', after: 0, filter: { categories: ['x'] }, credit: 1 })
    await until('it is told where it begins', () => slow.text().includes('{"type":"position","id":"0"}'))
    await one.emaki.append([{ stream: 'account-a', expect: 'any', events: [Account.Deposited({ cents: 1, note: '' })] }])
    await until('it has looked', () => one.emaki.tail.head === 1)
    await one.advance(14_999)
    expect(slow.text()).not.toContain('"id":"1"')
    await one.advance(1)
    await until('it is told', () => slow.text().includes('{"type":"position","id":"1"}'))
  })

  /** Events of 12 MB and a client that has taken none of them. */
  async function openStalled() {
    const { emaki, live, server, advance } = await serveLive()
    const slow = await raw(server)
    slow.say({ type: 'subscribe', after: 0, credit: 1_000_000 })
    await until('it is told where it begins', () => slow.text().includes('"type":"position"'))
    slow.socket.pause()
    const events = range(40).map(i => Account.Deposited({ cents: i, note: 'x'.repeat(20_000) }))
    for (const _ of range(15)) await emaki.append([{ stream: 'account-a', expect: 'any', events }])
    return { server, live, slow, advance }
  }

  test('a WebSocket client that stops reading gets the rest when it reads again in time', async () => {
    const { live, slow, advance } = await openStalled()
    await advance(9_999)
    slow.socket.resume()
    await until('nearly all is there', () => slow.bytes() > 600 * 20_000)
    await until('all is there', () => slow.positions().length === 600)
    expect(slow.positions()).toEqual(range(600).map(i => i + 1))
    expect(live.count).toBe(1)
  })

  test('a WebSocket client that reads nothing for 10 s is closed with a retry, and goes on at its position', async () => {
    const { server, live, slow, advance } = await openStalled()
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
  cleanUpLater(() => socket.destroy())
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
