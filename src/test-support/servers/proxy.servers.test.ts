import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import { type FaultProxy, startProxy } from './proxy.ts'
import { until } from './until.ts'
import { type End, type EndServer, connectTo, listenToEnds, sendAll } from '../tcp-ends.ts'

// Each test has a plain TCP server that keeps what it gets, and a proxy before it. To say that something did not arrive
// without sleeping, a test sends a message around the fault (straight to the server) and waits for that one.

let server: EndServer
let proxy: FaultProxy

beforeEach(() => {
  server = listenToEnds()
  proxy = startProxy({ host: '127.0.0.1', port: server.port })
})
afterEach(() => {
  proxy.stop()
  server.stop()
})

describe('without a fault', () => {
  test('a proxy without a fault passes bytes both ways', async () => {
    const { client, peer } = await connectPair()
    client.send('ping')
    await peer.has('ping')
    peer.send('pong')
    await client.has('pong')
  })

  test('a proxy without a fault loses no byte when the reader is slow', async () => {
    const { client, peer } = await connectPair()
    const bytes = randomBytes(32 * 1024 * 1024)
    client.socket.pause()
    const sent = sendAll(peer, bytes)
    await passAroundTheProxy()
    expect(client.length).toBe(0)
    client.socket.resume()
    await sent
    await until('all has arrived', () => client.length === bytes.length)
    expect(bytes.equals(Buffer.concat(client.received))).toBeTrue()
  })

  test('a proxy without a fault passes the end of one direction while the other goes on', async () => {
    const { client, peer } = await connectPair()
    client.send('question')
    client.socket.shutdown()
    await until('the server sees the end', () => peer.hasEnded)
    peer.send('answer')
    await client.has('answer')
    peer.socket.shutdown()
    await until('both have closed', () => client.isClosed && peer.isClosed)
    expect([client.error, peer.error, proxy.connections]).toEqual([undefined, undefined, 0])
  })

  test('a proxy without a fault passes a reset on', async () => {
    const { client, peer } = await connectPair()
    peer.socket.terminate()
    await until('the client is reset', () => client.error === 'ECONNRESET')
  })

  test('a proxy without a fault resets a client whose server is down', async () => {
    server.stop()
    const client = await connectTo(proxy.port)
    await until('the client is closed', () => client.isClosed)
  })

  test('a proxy without a fault counts connected clients', async () => {
    const first = await connectPair()
    await connectPair()
    expect(proxy.connections).toBe(2)
    first.client.socket.terminate()
    await until('one is left', () => proxy.connections === 1)
  })

  test('a proxy without a fault rewrites a URL to its own address', () => {
    expect(proxy.url('postgres://user:secret@db.example:5432/name?a=1')).toBe(
      `postgres://user:secret@127.0.0.1:${proxy.port}/name?a=1`,
    )
  })
})

describe('swallow', () => {
  test('swallow keeps sockets open and passes nothing, until it is over', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    client.send('lost?')
    peer.send('also lost?')
    await passAroundTheProxy()
    expect([client.text, peer.text, client.isClosed, peer.isClosed]).toEqual(['', '', false, false])
    proxy.swallow(false)
    await peer.has('lost?')
    await client.has('also lost?')
  })

  test('swallow accepts new connections, of which the server learns when it is over', async () => {
    proxy.swallow(true)
    const client = await connectTo(proxy.port)
    client.send('hello')
    await until('the client is accepted', () => proxy.connections === 1)
    await passAroundTheProxy()
    expect(server.ends.some(peer => peer.text === 'hello')).toBeFalse()
    expect(client.isClosed).toBeFalse()
    proxy.swallow(false)
    await until('the server has it', () => server.ends.some(peer => peer.text === 'hello'))
  })

  test('swallows one direction alone', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true, 'toClient')
    client.send('request')
    await peer.has('request')
    peer.send('reply')
    await passAroundTheProxy()
    expect(client.text).toBe('')
    proxy.swallow(false)
    await client.has('reply')
  })

  test('swallow hides from the client that its server is gone', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    peer.socket.terminate()
    await passAroundTheProxy()
    expect(client.isClosed).toBeFalse()
    proxy.swallow(false)
    await until('the client is reset', () => client.error === 'ECONNRESET')
  })

  test('swallow hides from the server that its client is gone', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    client.socket.terminate()
    await until('the proxy knows', () => proxy.connections === 0)
    await passAroundTheProxy()
    expect(peer.isClosed).toBeFalse()
    proxy.swallow(false)
    await until('the server is reset', () => peer.error === 'ECONNRESET')
  })
})

describe('pauseReading', () => {
  test('pauseReading makes the server wait for a client that stopped reading', async () => {
    const { client, peer } = await connectPair()
    proxy.pauseReading(true)
    const block = new Uint8Array(1 << 20)
    let written = 0
    await until('the server can write no more', () => {
      const now = Math.max(0, peer.socket.write(block))
      written += now
      return now === 0
    })
    client.send('still heard')
    await peer.has('still heard')
    expect(client.length).toBe(0)
    proxy.pauseReading(false)
    await until('all arrived', () => client.length === written)
  })
})

describe('delay', () => {
  test('delays by the given time, and keeps the order', async () => {
    const { client, peer } = await connectPair()
    let seen = 0
    proxy.onClientData(bytes => {
      seen += bytes.length
      return 'forward'
    })
    proxy.delay(60, 'toServer')
    const start = performance.now()
    client.send('a')
    await until('the first is on its way', () => seen === 1)
    proxy.delay(0, 'toServer')
    client.send('b')
    await peer.has('ab')
    expect(performance.now() - start).toBeGreaterThan(55)
  })

  test('delays the end of a connection, too', async () => {
    const { client, peer } = await connectPair()
    proxy.delay(60)
    const start = performance.now()
    client.send('last')
    client.socket.shutdown()
    await until('the server sees the end', () => peer.hasEnded)
    expect(peer.text).toBe('last')
    expect(performance.now() - start).toBeGreaterThan(55)
  })
})

describe('reset', () => {
  test('reset cuts all connections on both sides, swallowed ones too', async () => {
    const pairs = [await connectPair(), await connectPair()]
    proxy.swallow(true)
    proxy.reset()
    const ends = pairs.flatMap(({ client, peer }) => [client, peer])
    await until('all are cut', () => ends.every(end => end.error === 'ECONNRESET'))
    expect(proxy.connections).toBe(0)
  })

  test('reset lets new connections through afterwards', async () => {
    await connectPair()
    proxy.reset()
    const { client, peer } = await connectPair()
    client.send('again')
    await peer.has('again')
  })
})

describe('cutAfterBytes', () => {
  test.each([0, 1, 3, 7])('cutAfterBytes lets %d bytes of the reply through, and no more', async bytes => {
    const { client, peer } = await connectPair()
    proxy.cutAfterBytes(bytes)
    peer.send('abc')
    peer.send('defghi')
    await until('both are cut', () => client.isClosed && peer.isClosed)
    expect(client.text).toBe('abcdefghi'.slice(0, bytes))
  })

  test('cutAfterBytes cuts requests as well, once', async () => {
    const { client, peer } = await connectPair()
    proxy.cutAfterBytes(2, 'toServer')
    client.send('abc')
    await until('both are cut', () => client.isClosed && peer.isClosed)
    expect(peer.text).toBe('ab')
    const next = await connectPair()
    next.client.send('abcdef')
    await next.peer.has('abcdef')
  })
})

describe('onServerData', () => {
  test('onServerData drops the chunks it is told to, and the connection goes on', async () => {
    const { client, peer } = await connectPair()
    proxy.onServerData(bytes => (bytes[0] === 'x'.charCodeAt(0) ? 'drop' : 'forward'))
    peer.send('x lost')
    client.send('next')
    await peer.has('next')
    peer.send('kept')
    await client.has('kept')
    expect(client.text).toBe('kept')
  })

  test('onServerData tells connections apart', async () => {
    const pairs = [await connectPair(), await connectPair()] as const
    proxy.onServerData((_, connection) => (connection === 1 ? 'cut' : 'forward'))
    for (const { peer } of pairs) peer.send('reply')
    await pairs[1].client.has('reply')
    await until('the first is cut', () => pairs[0].client.isClosed)
  })
})

/** A client of the proxy, and what the server has of it. */
async function connectPair(): Promise<{ client: End; peer: End }> {
  const before = server.ends.length
  const client = await connectTo(proxy.port)
  await until('the server has accepted', () => server.ends.length > before)
  return { client, peer: server.ends[before] as End }
}

/** Waits until the server has answered others often enough that what the proxy lets pass would have arrived. */
async function passAroundTheProxy(): Promise<void> {
  const before = server.ends.length
  const client = await connectTo(server.port)
  await until('the server has accepted', () => server.ends.length > before)
  for (let round = 1; round <= 5; round++) {
    client.send(`there ${round}`)
    await server.ends[before]?.has(`there ${round}`)
    server.ends[before]?.send(`back ${round}`)
    await client.has(`back ${round}`)
  }
}
