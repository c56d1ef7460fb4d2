// A real Redis for tests, on a free loopback port, gone when the test process is gone. It saves nothing unless told to.

import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'
import { type Supervised, supervise, untilReady } from './supervise.ts'

export type RedisServer = {
  readonly url: string
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

export type RedisOptions = {
  /** Given on the command line, as in redis.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/**
 * Starts Debian's Redis.
 *
 * @example
 * await using server = await startRedis({ settings: { maxmemory: '4mb', 'maxmemory-policy': 'noeviction' } })
 */
export async function startRedis({ settings = {} }: RedisOptions = {}): Promise<RedisServer> {
  await ensureDebian(['redis-server'])
  const user = serverUser()
  const folder = serverFolder('redis', user)
  const port = freePort()
  const all = { bind: '127.0.0.1', port, save: '', daemonize: 'no', ...settings }
  const command = ['redis-server', ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, `${value}`])]
  let server: Supervised

  const start = async (): Promise<void> => {
    server = await supervise(command, { folder, user })
    try {
      await untilReady(server, folder, () => answers(port))
    } catch (error) {
      await server.end()
      throw error
    }
  }
  const kill = async (signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' = 'SIGKILL'): Promise<void> => {
    process.kill(server.pid, signal)
    if (signal === 'SIGKILL') await server.gone
  }
  const restart = async (): Promise<void> => {
    await server.end({ keepFolder: true })
    await start()
  }
  const stop = (): Promise<void> => server.end()
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return server.pid
    },
    kill,
    restart,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Whether it answers PING, which it refuses while it loads. */
function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = {
    open: (opened: Bun.Socket) => void opened.write('PING\r\n'),
    data: (opened: Bun.Socket, bytes: Uint8Array) => {
      resolve(Buffer.from(bytes).toString().startsWith('+PONG'))
      opened.end()
    },
    close: () => resolve(false),
    connectError: () => resolve(false),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => resolve(false))
  return promise
}
