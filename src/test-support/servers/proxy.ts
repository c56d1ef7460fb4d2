// A TCP proxy that fails on demand. What a network does to a connection is done here to a server's real protocol, at the
// moment a test chooses: nothing is mocked, and neither side knows.

import type { Socket } from 'bun'
import { createPipe, type Faults, type Inspect, type Pipe } from './proxy-pipe.ts'

export type { Inspect, Verdict } from './proxy-pipe.ts'

export type Direction = 'toServer' | 'toClient'

export type FaultProxy = {
  readonly port: number
  /** How many clients are connected. */
  readonly connections: number
  /** The same url with this proxy's host and port. */
  url(serverUrl: string): string
  /**
   * A black hole: sockets stay open and nothing passes, no bytes and no end of a connection, for new connections as well.
   * As with lost packets that are sent again, what was held back passes once it is over. Both directions by default.
   */
  swallow(on: boolean, direction?: Direction): void
  /** A client that stops reading: the server's replies pile up until the server itself must wait. */
  pauseReading(on: boolean): void
  /** Delays all that arrives from now on, in order. Both directions by default. */
  delay(ms: number, direction?: Direction): void
  /** Cuts all connections at once (RST on both sides), swallowed ones too. */
  reset(): void
  /** Lets `bytes` more pass in this direction, whichever connections they belong to, then cuts the one that had the last. */
  cutAfterBytes(bytes: number, direction?: Direction): void
  /** Judges what servers send, piece by piece as it arrives: drop the reply to a commit, or cut before it. */
  onServerData(inspect: Inspect | undefined): void
  /** Judges what clients send. */
  onClientData(inspect: Inspect | undefined): void
  /** Cuts all connections and listens no more. */
  stop(): void
  [Symbol.dispose](): void
}

/**
 * Starts a fault proxy before a server. It forwards all until it is told otherwise.
 *
 * @example
 * using proxy = startProxy({ host: '127.0.0.1', port: server.port })
 * const sql = postgres(proxy.url(server.url))
 * proxy.onServerData(bytes => (Buffer.from(bytes).includes('COMMIT') ? 'cut' : 'forward'))
 */
export function startProxy(target: { readonly host: string; readonly port: number }): FaultProxy {
  const faults = { toServer: noFaults(), toClient: noFaults() }
  const swallowed = { toServer: false, toClient: false }
  const open = new Set<Connection>()
  let unread = false
  let accepted = 0
  let clients = 0

  const listener = Bun.listen<Connection>({
    hostname: '127.0.0.1',
    port: 0,
    allowHalfOpen: true,
    socket: {
      open: client => {
        accepted += 1
        clients += 1
        client.data = connect(client, { target, faults, number: accepted, onGone: connection => open.delete(connection) })
        open.add(client.data)
      },
      data: (client, bytes) => client.data.toServer.receive(bytes),
      drain: client => client.data.toClient.pump(),
      end: client => client.data.toServer.finish('finished'),
      close: (client, error) => {
        clients -= 1
        client.data.closed('client', error)
      },
    },
  })

  /** Connections that waited for the server begin now; the others move on. */
  const hold = (): void => {
    faults.toServer.held = swallowed.toServer
    faults.toClient.held = swallowed.toClient || unread
    for (const connection of [...open]) connection.pump()
  }
  const reset = (): void => {
    for (const connection of [...open]) connection.cut()
  }
  const stop = (): void => {
    listener.stop()
    reset()
  }
  return {
    port: listener.port,
    get connections() {
      return clients
    },
    url: serverUrl => withPort(serverUrl, listener.port),
    swallow: (on, direction) => {
      for (const each of directions(direction)) swallowed[each] = on
      hold()
    },
    pauseReading: on => {
      unread = on
      hold()
    },
    delay: (ms, direction) => {
      for (const each of directions(direction)) faults[each].delayMs = ms
    },
    reset,
    cutAfterBytes: (bytes, direction = 'toClient') => {
      faults[direction].bytesLeft = bytes
    },
    onServerData: inspect => {
      faults.toClient.inspect = inspect
    },
    onClientData: inspect => {
      faults.toServer.inspect = inspect
    },
    stop,
    [Symbol.dispose]: stop,
  }
}

type Connection = {
  readonly toServer: Pipe
  readonly toClient: Pipe
  pump(): void
  cut(): void
  closed(side: Side, error: Error | undefined): void
}

type Side = 'client' | 'server'

type ConnectionOptions = {
  readonly target: { readonly host: string; readonly port: number }
  readonly faults: Readonly<Record<Direction, Faults>>
  readonly number: number
  /** Both sides are closed. */
  onGone(connection: Connection): void
}

function connect(client: Socket<Connection>, { target, faults, number, onGone }: ConnectionOptions): Connection {
  let server: Socket | undefined
  let isConnecting = false
  let isCut = false
  const closedSides = { client: false, server: true }
  const toServer = createPipe(number, faults.toServer, () => cut())
  const toClient = createPipe(number, faults.toClient, () => cut())

  function cut(): void {
    isCut = true
    toServer.discard()
    toClient.discard()
    client.terminate()
    server?.terminate()
  }

  /** A black hole lets no connection request through either, so the server sees this client when it is over. */
  function connectOnce(): void {
    if (isConnecting || closedSides.client || faults.toServer.held) return
    isConnecting = true
    closedSides.server = false
    const socket = {
      open: opened,
      data: (_: Socket, bytes: Uint8Array) => toClient.receive(bytes),
      drain: () => toServer.pump(),
      end: () => toClient.finish('finished'),
      close: (_: Socket, error?: Error) => closed('server', error),
      connectError: (_: Socket, error: Error) => closed('server', error),
    }
    Bun.connect({ hostname: target.host, port: target.port, allowHalfOpen: true, socket }).catch(() => {})
  }

  function opened(socket: Socket): void {
    server = socket
    if (isCut) socket.terminate()
    toClient.connect({ source: socket })
    toServer.connect({ sink: socket })
  }

  function closed(side: Side, error: Error | undefined): void {
    const [from, to] = side === 'client' ? [toServer, toClient] : [toClient, toServer]
    closedSides[side] = true
    to.discard()
    // Without an error both sides have sent FIN. Bun tells so by `close` alone when we were the first.
    from.finish(error ? 'broken' : 'finished')
    if (closedSides.client && closedSides.server) onGone(connection)
  }

  function pump(): void {
    connectOnce()
    toServer.pump()
    toClient.pump()
  }

  const connection: Connection = { toServer, toClient, pump, cut, closed }
  toServer.connect({ source: client as unknown as Socket })
  toClient.connect({ sink: client as unknown as Socket })
  connectOnce()
  return connection
}

const noFaults = (): Faults => ({ held: false, delayMs: 0, inspect: undefined, bytesLeft: Number.POSITIVE_INFINITY })

const directions = (direction: Direction | undefined): Direction[] => (direction ? [direction] : ['toServer', 'toClient'])

function withPort(serverUrl: string, port: number): string {
  const url = new URL(serverUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}
