// Plain TCP servers and clients that keep what they get.

import type { Socket, SocketHandler } from 'bun'
import { until } from './servers/until.ts'

/** One end of a connection, and all it got. */
export class End {
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

export type EndServer = { readonly port: number; readonly ends: readonly End[]; stop(): void }

export function listenToEnds(): EndServer {
  const ends: End[] = []
  const socket = handlers(end => ends.push(end))
  const listener = Bun.listen<End>({ hostname: '127.0.0.1', port: 0, allowHalfOpen: true, socket })
  return { port: listener.port, ends, stop: () => listener.stop(true) }
}

export async function connectTo(port: number): Promise<End> {
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

/** Writes all of it, waiting whenever the socket is full. */
export async function sendAll({ socket }: End, bytes: Uint8Array): Promise<void> {
  let sent = 0
  await until('all is sent', () => {
    sent += Math.max(0, socket.write(bytes.subarray(sent)))
    return sent === bytes.length
  })
}
