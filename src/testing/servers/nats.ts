// A real NATS with JetStream for tests, on a free loopback port, gone when the test process is gone. What it keeps is on disk.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'
import { type Supervised, supervise, untilReady } from './supervise.ts'

export type NatsServer = {
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

export type NatsOptions = {
  /** As in nats-server.conf. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/**
 * Starts Debian's NATS server.
 *
 * @example
 * await using server = await startNats({ settings: { max_payload: 4_096 } })
 */
export async function startNats({ settings = {} }: NatsOptions = {}): Promise<NatsServer> {
  await ensureDebian(['nats-server'])
  const user = serverUser()
  const folder = serverFolder('nats', user)
  const port = freePort()
  const config = join(folder, 'nats.conf')
  const lines = Object.entries({ ...settings, listen: `"127.0.0.1:${port}"` }).map(([name, value]) => `${name}: ${value}`)
  const text = [...lines, `jetstream: { store_dir: "${folder}/store" }`, ''].join('\n')
  const prepare = (): void => writeFileSync(config, text, { mode: 0o644 })
  let server: Supervised

  const start = async (): Promise<void> => {
    server = await supervise(['nats-server', '-c', config], { folder, user, prepare })
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
    url: `nats://127.0.0.1:${port}`,
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

/** Whether it says INFO, as it does to whoever connects. */
function answers(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = {
    data: (opened: Bun.Socket, bytes: Uint8Array) => {
      resolve(Buffer.from(bytes).toString().startsWith('INFO '))
      opened.end()
    },
    close: () => resolve(false),
    connectError: () => resolve(false),
  }
  Bun.connect({ hostname: '127.0.0.1', port, socket }).catch(() => resolve(false))
  return promise
}
