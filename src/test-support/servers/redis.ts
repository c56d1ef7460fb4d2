// A real Redis for tests, on a free loopback port, gone when the test process is gone. It saves nothing unless told to.

import { type Daemon, daemon } from './daemon.ts'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'

export type RedisServer = Daemon & { readonly url: string }

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
  // While it loads it refuses a PING.
  const server = await daemon(command, { folder, user, port, ask: 'PING\r\n', answer: '+PONG' })
  return Object.assign(server, { url: `redis://127.0.0.1:${port}` })
}
