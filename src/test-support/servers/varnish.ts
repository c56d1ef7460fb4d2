// A real Varnish for tests, with vmod_xkey, on a free loopback port, gone when the test process is gone.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'
import { supervise, untilReady } from './supervise.ts'

export type Varnish = {
  readonly url: string
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Starts Debian's Varnish with these rules.
 *
 * @example
 * await using varnish = await startVarnish(vcl.replace('"3000"', `"${origin.port}"`))
 */
export async function startVarnish(vcl: string): Promise<Varnish> {
  await ensureDebian(['varnish', 'varnish-modules'])
  const user = serverUser()
  const folder = serverFolder('varnish', user)
  const port = freePort()
  const prepare = (): void => writeFileSync(join(folder, 'rules.vcl'), vcl, { mode: 0o644 })
  const listen = ['-a', `127.0.0.1:${port}`, '-T', 'none']
  const command = ['varnishd', '-F', '-j', 'none', '-n', folder, '-f', join(folder, 'rules.vcl'), '-s', 'malloc,16m', ...listen]
  const server = await supervise(command, { folder, user, prepare })
  const url = `http://127.0.0.1:${port}`
  const stop = (): Promise<void> => server.end()
  try {
    await untilReady(server, folder, () => answers(url))
  } catch (error) {
    await stop()
    throw error
  }
  return { url, stop, [Symbol.asyncDispose]: stop }
}

/** Whether it answers, whatever it says. A PURGE is answered without asking the origin. */
function answers(url: string): Promise<boolean> {
  return fetch(url, { method: 'PURGE' }).then(
    () => true,
    () => false,
  )
}
