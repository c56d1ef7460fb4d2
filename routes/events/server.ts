// Access to Bun's server. Only this file knows about it. Outside of a server, as in tests, there is none.
import type { Context } from 'hono'

/** A WebSocket, as the server sees it. */
export type Peer = {
  /** `sent`: done. `queued`: accepted, but send no more for now. `dropped`: not accepted. */
  readonly send: (text: string) => 'sent' | 'queued' | 'dropped'
  /** Messages that `run` sends go out together. */
  readonly cork: (run: () => void) => void
  readonly close: (code: number, reason: string) => void
}

/** The handlers of one WebSocket. None of them throws. */
export type Session = {
  readonly open: (peer: Peer) => void
  readonly message: (message: string | Uint8Array) => void
  /** The queue is empty again. */
  readonly drain: () => void
  readonly close: () => void
}

/**
 * The most bytes that may be queued for one client before more is dropped, and the largest message that a client may
 * send.
 */
const BACKPRESSURE_MAX = 65_536
const MESSAGE_MAX = 65_536
/** How long a connection may be silent, in seconds. The client's engine answers pings. */
const IDLE_TIMEOUT_S = 30

/** The handlers that `Bun.serve` needs beside `fetch`. */
export type WebSocketHandlers = Bun.WebSocketHandler<Session>

export const websocket: WebSocketHandlers = {
  backpressureLimit: BACKPRESSURE_MAX,
  maxPayloadLength: MESSAGE_MAX,
  idleTimeout: IDLE_TIMEOUT_S,
  perMessageDeflate: false,
  open: socket => socket.data.open(peerOf(socket)),
  message: (socket, message) => socket.data.message(message),
  drain: socket => socket.data.drain(),
  close: socket => socket.data.close(),
}

/**
 * Whether a client is on this machine: it connects from the loopback, asks for a host of that name, as no page of a
 * foreign name does, and no proxy has passed it on. Where there is no server, the host alone tells.
 */
export function isFromThisMachine(c: Context): boolean {
  if (FORWARDED.some(name => c.req.header(name) !== undefined) || !LOOPBACK.test(new URL(c.req.url).hostname)) return false
  const server = serverOf(c)
  return server === null || LOOPBACK.test(server.requestIP(c.req.raw)?.address ?? '')
}
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-real-ip']
const LOOPBACK = /^(?:localhost|(?:::ffff:)?127(?:\.\d{1,3}){3}|\[?::1\]?)$/

/** Turns off the server's own time-out for a request. False: no server was found. */
export function liftTimeout(c: Context): boolean {
  const server = serverOf(c)
  server?.timeout(c.req.raw, 0)
  return server !== null
}

/** Upgrades a request to a WebSocket. Null: there is no server, or it has no WebSocket handlers. */
export function upgrade(c: Context, session: Session, protocol: string | null): Response | null {
  const headers = protocol === null ? {} : { 'Sec-WebSocket-Protocol': protocol }
  try {
    return serverOf(c)?.upgrade(c.req.raw, { data: session, headers }) ? new Response(null) : null
  } catch {
    // Bun throws if `websocket` is missing beside `fetch`.
    return null
  }
}

/**
 * Finds Bun's server in the environment of a request: the server itself, or a member named `server`. Null: a caller of
 * `fetch` gave something else, or nothing.
 */
function serverOf(c: Context): Bun.Server<Session> | null {
  const env = c.env as (Partial<Bun.Server<Session>> & { readonly server?: Partial<Bun.Server<Session>> }) | undefined
  const server = env?.server ?? env
  return typeof server?.timeout === 'function' && typeof server.upgrade === 'function' ? (server as Bun.Server<Session>) : null
}

function peerOf(socket: Bun.ServerWebSocket<Session>): Peer {
  return {
    send: text => {
      const sent = socket.sendText(text)
      if (sent > 0) return 'sent'
      return sent < 0 ? 'queued' : 'dropped'
    },
    cork: run => void socket.cork(run),
    close: (code, reason) => socket.close(code, reason),
  }
}
