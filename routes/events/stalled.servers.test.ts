// Hundreds of clients that never read. A loopback keeps more than 4 MB for each before anybody waits, so nothing else runs meanwhile.
import { expect, test } from 'bun:test'
import { Hono } from 'hono'
import { connect } from 'node:net'
import { Account } from '../../src/test-support/account.ts'
import { openBank, range } from '../../src/test-support/bank.ts'
import { eventsOf } from '../../src/test-support/event-stream.ts'
import { until } from '../../src/test-support/servers/until.ts'
import { eventStream } from './events.ts'
import { Live } from './live.ts'
import { encodeFrame, type BatchSource, sse } from './sse.ts'

const CLIENTS = 300
const SIZE = 50_000
/** What the process may hold for each of them besides what the system does, in bytes: a connection, and one piece that was not taken. */
const HELD_MAX = 131_072
const STALLED_MS = 10_000

const piece = encodeFrame({ id: '1', event: 'x', data: 'y'.repeat(SIZE) })

/** A source that always has more; it counts what is taken of it. */
function endlessSource(counts: { taken: number }): BatchSource {
  const next = () => ({ bytes: piece, id: `${++counts.taken}` })
  return { kind: 'sse', id: '0', next, close: () => {} }
}

test('hundreds of stalled clients get a bounded amount, delay no other client, and are all cut off', async () => {
  const { emaki } = await openBank()
  let now = 0
  const live = new Live(emaki, { report: console.error, now: () => now, checkEveryMs: 5 })
  const counts = { taken: 0 }
  const hono = new Hono()
  hono.use(async (c, next) => {
    c.set('emakiLive', live)
    await next()
  })
  hono.get('/slow', c => sse(c, endlessSource(counts))).get('/events', eventStream)
  const server = Bun.serve({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1', development: false, idleTimeout: 10 })
  const append = () => emaki.append([{ stream: 'account-a', expect: 'any', events: [Account.Deposited({ cents: 1, note: '' })] }])
  const awaitFollowers = (count: number) => until(`${count} follow`, () => live.count === count)

  const reader = eventsOf(await fetch(`${server.url}events`))
  await awaitFollowers(1)
  const before = residentAfterCollection()
  const closed = { count: 0 }
  const sockets = range(CLIENTS).map(() => {
    const socket = connect(server.port!, '127.0.0.1').pause()
    socket.on('close', () => closed.count++).on('error', () => {})
    socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    return socket
  })
  await awaitFollowers(CLIENTS + 1)
  await awaitStall(counts)
  const given = counts.taken
  expect(given * SIZE).toBeGreaterThan(CLIENTS * HELD_MAX)
  expect(residentAfterCollection() - before).toBeLessThan(CLIENTS * HELD_MAX)

  for (let n = 1; n <= 20; n++) {
    await append()
    now += STALLED_MS / 25
    await until('who reads is told', () => reader.events.length === n)
  }
  expect([counts.taken, live.count]).toEqual([given, CLIENTS + 1])
  now += STALLED_MS
  await awaitFollowers(1)
  for (const socket of sockets) socket.resume()
  await until('their connections are gone', () => closed.count === CLIENTS)
  await append()
  await until('who reads is still told', () => reader.events.length === 21)
  await reader.cancel()
  live.stop()
  await server.stop(true)
  await emaki.close()
})

/** Waits until no more is taken by any. */
async function awaitStall(counts: { readonly taken: number }): Promise<void> {
  let [before, looks] = [-1, 0]
  await until('nothing goes any more', () => {
    looks = counts.taken === before ? looks + 1 : 0
    before = counts.taken
    return looks === 40
  })
}

function residentAfterCollection(): number {
  Bun.gc(true)
  return process.memoryUsage.rss()
}
