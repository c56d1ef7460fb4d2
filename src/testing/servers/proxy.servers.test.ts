import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'bun:test'
import { randomBytes } from 'node:crypto'
import type { Socket, SocketHandler } from 'bun'
import postgres from 'postgres'
import { testPostgres } from './postgres.ts'
import { type FaultProxy, startProxy } from './proxy.ts'
import { until } from './until.ts'

// Each test has a plain TCP server that keeps what it gets, and a proxy before it. To say that something did not arrive
// without sleeping, a test sends a message around the fault (straight to the server) and waits for that one.

let server: Server
let proxy: FaultProxy

beforeEach(() => {
  server = listen()
  proxy = startProxy({ host: '127.0.0.1', port: server.port })
})
afterEach(() => {
  proxy.stop()
  server.stop()
})

describe('without a fault', () => {
  test('passes bytes both ways', async () => {
    const { client, peer } = await connectPair()
    client.send('ping')
    await peer.has('ping')
    peer.send('pong')
    await client.has('pong')
  })

  test('loses no byte when the reader is slow', async () => {
    const { client, peer } = await connectPair()
    const bytes = randomBytes(32 * 1024 * 1024)
    client.socket.pause()
    const sent = sendAll(peer, bytes)
    await aroundTheProxy()
    expect(client.length).toBe(0)
    client.socket.resume()
    await sent
    await until('all has arrived', () => client.length === bytes.length)
    expect(bytes.equals(Buffer.concat(client.received))).toBeTrue()
  })

  test('passes the end of one direction while the other goes on', async () => {
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

  test('passes a reset on', async () => {
    const { client, peer } = await connectPair()
    peer.socket.terminate()
    await until('the client is reset', () => client.error === 'ECONNRESET')
  })

  test('resets a client whose server is down', async () => {
    server.stop()
    const client = await connectTo(proxy.port)
    await until('the client is closed', () => client.isClosed)
  })

  test('counts connected clients', async () => {
    const first = await connectPair()
    await connectPair()
    expect(proxy.connections).toBe(2)
    first.client.socket.terminate()
    await until('one is left', () => proxy.connections === 1)
  })

  test('rewrites a url to its own address', () => {
    expect(proxy.url('postgres://user:secret@db.example:5432/name?a=1')).toBe(
      `postgres://user:secret@127.0.0.1:${proxy.port}/name?a=1`,
    )
  })
})

describe('swallow', () => {
  test('keeps sockets open and passes nothing, until it is over', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    client.send('lost?')
    peer.send('also lost?')
    await aroundTheProxy()
    expect([client.text, peer.text, client.isClosed, peer.isClosed]).toEqual(['', '', false, false])
    proxy.swallow(false)
    await peer.has('lost?')
    await client.has('also lost?')
  })

  test('accepts new connections, of which the server learns when it is over', async () => {
    proxy.swallow(true)
    const client = await connectTo(proxy.port)
    client.send('hello')
    await until('the client is accepted', () => proxy.connections === 1)
    await aroundTheProxy()
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
    await aroundTheProxy()
    expect(client.text).toBe('')
    proxy.swallow(false)
    await client.has('reply')
  })

  test('hides from the client that its server is gone', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    peer.socket.terminate()
    await aroundTheProxy()
    expect(client.isClosed).toBeFalse()
    proxy.swallow(false)
    await until('the client is reset', () => client.error === 'ECONNRESET')
  })

  test('hides from the server that its client is gone', async () => {
    const { client, peer } = await connectPair()
    proxy.swallow(true)
    client.socket.terminate()
    await until('the proxy knows', () => proxy.connections === 0)
    await aroundTheProxy()
    expect(peer.isClosed).toBeFalse()
    proxy.swallow(false)
    await until('the server is reset', () => peer.error === 'ECONNRESET')
  })
})

describe('pauseReading', () => {
  test('makes the server wait for a client that stopped reading', async () => {
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
    const tookMs = performance.now() - start
    expect(tookMs).toBeGreaterThan(55)
    expect(tookMs).toBeLessThan(1_000)
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
  test('cuts all connections on both sides, swallowed ones too', async () => {
    const pairs = [await connectPair(), await connectPair()]
    proxy.swallow(true)
    proxy.reset()
    const ends = pairs.flatMap(({ client, peer }) => [client, peer])
    await until('all are cut', () => ends.every(end => end.error === 'ECONNRESET'))
    expect(proxy.connections).toBe(0)
  })

  test('lets new connections through afterwards', async () => {
    await connectPair()
    proxy.reset()
    const { client, peer } = await connectPair()
    client.send('again')
    await peer.has('again')
  })
})

describe('cutAfterBytes', () => {
  test.each([0, 1, 3, 7])('lets %d bytes of the reply through, and no more', async bytes => {
    const { client, peer } = await connectPair()
    proxy.cutAfterBytes(bytes)
    peer.send('abc')
    peer.send('defghi')
    await until('both are cut', () => client.isClosed && peer.isClosed)
    expect(client.text).toBe('abcdefghi'.slice(0, bytes))
  })

  test('cuts requests as well, once', async () => {
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
  test('drops what it is told to, and the connection goes on', async () => {
    const { client, peer } = await connectPair()
    proxy.onServerData(bytes => (bytes[0] === 'x'.charCodeAt(0) ? 'drop' : 'forward'))
    peer.send('x lost')
    client.send('next')
    await peer.has('next')
    peer.send('kept')
    await client.has('kept')
    expect(client.text).toBe('kept')
  })

  test('knows connections apart', async () => {
    const pairs = [await connectPair(), await connectPair()] as const
    proxy.onServerData((_, connection) => (connection === 1 ? 'cut' : 'forward'))
    for (const { peer } of pairs) peer.send('reply')
    await pairs[1].client.has('reply')
    await until('the first is cut', () => pairs[0].client.isClosed)
  })
})

describe('before PostgreSQL', () => {
  let url: string
  let direct: postgres.Sql
  let database: FaultProxy

  beforeAll(async () => {
    url = await (await testPostgres()).createDatabase('proxy')
    direct = postgres(url, { max: 1 })
    await direct`create table orders (id int)`
  })
  beforeEach(() => {
    const { hostname, port } = new URL(url)
    database = startProxy({ host: hostname, port: Number(port || 5432) })
  })
  afterEach(() => database.stop())
  afterAll(() => direct.end())

  test('loses the reply to a commit that took place', async () => {
    const sql = client()
    await sql`select 1`
    database.onServerData(bytes => (Buffer.from(bytes).includes('COMMIT') ? 'cut' : 'forward'))
    await expect(sql.begin(tx => tx`insert into orders values (1)`)).rejects.toThrow()
    expect(await countOf(1)).toBe(1)
    await sql.end({ timeout: 0 })
  })

  test('loses the commit itself, so that nothing took place', async () => {
    const sql = client()
    await sql`select 1`
    database.onClientData(bytes => (Buffer.from(bytes).includes('commit') ? 'cut' : 'forward'))
    await expect(sql.begin(tx => tx`insert into orders values (2)`)).rejects.toThrow()
    expect(await countOf(2)).toBe(0)
    await sql.end({ timeout: 0 })
  })

  test('blocks a statement whose client stopped reading, and lets it go on afterwards', async () => {
    const sql = client()
    const [row] = await sql`select pg_backend_pid() as pid`
    database.pauseReading(true)
    const answer = sql`select repeat('x', 1000) from generate_series(1, 40000)`.execute()
    await until('the server waits for its client', async () => {
      const [activity] = await direct`select wait_event from pg_stat_activity where pid = ${row?.['pid']} and state = 'active'`
      return activity?.['wait_event'] === 'ClientWrite'
    })
    database.pauseReading(false)
    expect(await answer).toHaveLength(40_000)
    await sql.end()
  })

  const client = (): postgres.Sql => postgres(database.url(url), { max: 1, fetch_types: false })

  async function countOf(id: number): Promise<number> {
    const [row] = await direct<{ n: number }[]>`select count(*)::int as n from orders where id = ${id}`
    return row?.n ?? -1
  }
})

/** One end of a connection, and all it got. */
class End {
  readonly received: Uint8Array[] = []
  readonly socket: Socket<End>
  hasEnded = false
  isClosed = false
  /** The code of the error that closed it. */
  error: string | undefined

  constructor(socket: Socket<End>) {
    this.socket = socket
  }

  get length(): number {
    return this.received.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  get text(): string {
    return Buffer.concat(this.received).toString()
  }

  send(text: string): void {
    this.socket.write(text)
  }

  has(text: string): Promise<void> {
    return until(`${text} has arrived`, () => this.text.includes(text))
  }
}

type Server = { readonly port: number; readonly ends: readonly End[]; stop(): void }

function listen(): Server {
  const ends: End[] = []
  const socket = handlers(end => ends.push(end))
  const listener = Bun.listen<End>({ hostname: '127.0.0.1', port: 0, allowHalfOpen: true, socket })
  return { port: listener.port, ends, stop: () => listener.stop(true) }
}

async function connectTo(port: number): Promise<End> {
  const socket = await Bun.connect<End>({ hostname: '127.0.0.1', port, allowHalfOpen: true, socket: handlers(() => {}) })
  return socket.data
}

function handlers(onOpen: (end: End) => void): SocketHandler<End> {
  return {
    open: socket => {
      socket.data = new End(socket)
      onOpen(socket.data)
    },
    data: ({ data: end }, bytes) => {
      end.received.push(bytes)
    },
    end: ({ data: end }) => {
      end.hasEnded = true
    },
    close: ({ data: end }, error) => {
      end.isClosed = true
      end.error = (error as { code?: string } | undefined)?.code
    },
  }
}

/** A client of the proxy, and what the server has of it. */
async function connectPair(): Promise<{ client: End; peer: End }> {
  const before = server.ends.length
  const client = await connectTo(proxy.port)
  await until('the server has accepted', () => server.ends.length > before)
  return { client, peer: server.ends[before] as End }
}

/** Waits until the server has answered others often enough that what the proxy lets pass would have arrived. */
async function aroundTheProxy(): Promise<void> {
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

/** Writes all of it, waiting whenever the socket is full. */
async function sendAll({ socket }: End, bytes: Uint8Array): Promise<void> {
  let sent = 0
  await until('all is sent', () => {
    sent += Math.max(0, socket.write(bytes.subarray(sent)))
    return sent === bytes.length
  })
}
