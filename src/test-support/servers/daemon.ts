// A server for tests that runs on one port and folder, whatever happens to it, and is gone when the test process is gone.
import type { ServerUser } from './server-user.ts'
import { type Supervised, supervise, untilReady } from './supervise.ts'

export type Daemon = {
  readonly port: number
  /** Another one after `restart`. */
  readonly pid: number
  /** Signals the server, and resolves when it has ended (or at once for SIGSTOP and SIGCONT). */
  kill(signal?: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): Promise<void>
  /** Starts it again on the same port and folder, after ending it as a crash would if it still runs. */
  restart(): Promise<void>
  /** Ends it and deletes its folder. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}
export type DaemonOptions = {
  readonly folder: string
  readonly user: ServerUser | undefined
  readonly port: number
  readonly prepare?: () => void
  /** The first request, if the server does not speak first. */
  readonly ask?: string
  /** The beginning of its first answer once it is ready. */
  readonly answer: string
}

/** Starts a server, and resolves when it is ready. */
export async function daemon(command: readonly string[], options: DaemonOptions): Promise<Daemon> {
  const { folder, port } = options
  let server: Supervised

  const start = async (): Promise<void> => {
    server = await supervise(command, options)
    try {
      await untilReady(server, folder, () => answers(options))
    } catch (error) {
      await server.end()
      throw error
    }
  }
  const stop = (): Promise<void> => server.end()
  await start()
  return {
    port,
    get pid() {
      return server.pid
    },
    kill: async (signal = 'SIGKILL') => {
      process.kill(server.pid, signal)
      if (signal === 'SIGKILL') await server.gone
    },
    restart: async () => {
      await server.end({ keepFolder: true })
      await start()
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

function answers({ port, ask, answer }: DaemonOptions): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = {
    open: (opened: Bun.Socket) => void (ask && opened.write(ask)),
    data: (opened: Bun.Socket, bytes: Uint8Array) => {
      resolve(Buffer.from(bytes).toString().startsWith(answer))
      opened.end()
    },
    close: () => resolve(false),
    connectError: () => resolve(false),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => resolve(false))
  return promise
}
