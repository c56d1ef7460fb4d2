// What of Bun's server a request can be asked for. Nothing else knows it: outside of a server, as in tests, there is none.
import type { Context } from 'hono'

/** One end of a WebSocket, as the server has it. */
export type Peer = {
  /** `sent`; `queued`: it was taken, and is the last for now; `dropped`: it was not taken. */
  readonly send: (text: string) => 'sent' | 'queued' | 'dropped'
  /** What is sent in it goes out together. */
  readonly cork: (run: () => void) => void
  readonly close: (code: number, reason: string) => void
}

/** What is done with a WebSocket. None of it throws. */
export type Session = {
  readonly open: (peer: Peer) => void
  readonly message: (message: string | Uint8Array) => void
  /** What was queued has been taken. */
  readonly drain: () => void
  readonly close: () => void
}

/** How much may be queued for one client before more is dropped, and how large a message of its own may be, in bytes. */
const BACKPRESSURE_MAX = 65_536
const MESSAGE_MAX = 65_536
/** How long a connection may be silent, in seconds; pings are answered by the client's engine. */
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

/** Lifts the server's own time-out for a request; false where there is no server to be seen. */
export function liftTimeout(c: Context): boolean {
  const server = serverOf(c)
  server?.timeout(c.req.raw, 0)
  return server !== null
}

/** Makes a WebSocket of a request. Null: there is no server, or it was given no handlers for them. */
export function upgrade(c: Context, session: Session, protocol: string | null): Response | null {
  const headers = protocol === null ? {} : { 'Sec-WebSocket-Protocol': protocol }
  try {
    return serverOf(c)?.upgrade(c.req.raw, { data: session, headers }) ? new Response(null) : null
  } catch {
    // Bun throws where `websocket` is missing beside `fetch`.
    return null
  }
}

/** Bun gives its server along with a request, as it is or under a name. Whoever calls `fetch` by hand may give anything, or nothing. */
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
