// A real NATS with JetStream for tests, on a free loopback port, gone when the test process is gone. What it keeps is on disk.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Daemon, daemon } from './daemon.ts'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'

export type NatsServer = Daemon & { readonly url: string }

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
  // It says INFO to whoever connects.
  const server = await daemon(['nats-server', '-c', config], { folder, user, port, prepare, answer: 'INFO ' })
  return Object.assign(server, { url: `nats://127.0.0.1:${port}` })
}
