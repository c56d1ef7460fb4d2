// PgBouncer as production has it in front of PostgreSQL: connections are shared between transactions, so nothing that a
// session holds (prepared statements, listens, advisory locks, settings) survives one.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDebian } from './debian.ts'
import { freePort } from './free-port.ts'
import { serverFolder, serverUser } from './server-user.ts'
import { supervise, untilReady } from './supervise.ts'

export type Pgbouncer = {
  /** The database's url, through PgBouncer. */
  readonly url: string
  readonly port: number
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

export type PgbouncerOptions = {
  readonly poolMode: 'transaction' | 'session' | 'statement'
  /** Added to pgbouncer.ini. By default no start-up parameter is ignored, as in production: a client that sends one is refused. */
  readonly settings?: Readonly<Record<string, string | number>>
}

/**
 * Starts Debian's PgBouncer in front of one database, on a free loopback port. Whoever connects becomes the url's user.
 *
 * @example
 * await using pgbouncer = await startPgbouncer(await server.createDatabase(), { poolMode: 'transaction' })
 * const sql = postgres(pgbouncer.url, { prepare: false })
 */
export async function startPgbouncer(databaseUrl: string, options: PgbouncerOptions): Promise<Pgbouncer> {
  await ensureDebian(['pgbouncer'])
  const user = serverUser()
  const folder = serverFolder('pgbouncer', user)
  const port = freePort()
  const prepare = (): void => writeFileSync(join(folder, 'pgbouncer.ini'), configuration(new URL(databaseUrl), port, options))
  const server = await supervise(['pgbouncer', 'pgbouncer.ini'], { folder, user, prepare })
  const stop = (): Promise<void> => server.end()
  try {
    await untilReady(server, folder, () => accepts(port))
  } catch (error) {
    await stop()
    throw error
  }
  return { url: withPort(databaseUrl, port), port, stop, [Symbol.asyncDispose]: stop }
}

function configuration(url: URL, port: number, { poolMode, settings }: PgbouncerOptions): string {
  const pgbouncer = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'any',
    pool_mode: poolMode,
    max_client_conn: 1_000,
    ...settings,
  }
  const lines = Object.entries(pgbouncer).map(([key, value]) => `${key} = ${value}`)
  return ['[databases]', `* = ${target(url)}`, '[pgbouncer]', ...lines, ''].join('\n')
}

function target({ hostname, port, pathname, username, password }: URL): string {
  const parts = { host: hostname, port: port || '5432', dbname: pathname.slice(1), user: username, password }
  const given = Object.entries(parts).filter(([, value]) => value !== '')
  return given.map(([key, value]) => `${key}='${decodeURIComponent(value).replaceAll("'", "''")}'`).join(' ')
}

async function accepts(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } })
    socket.end()
    return true
  } catch {
    return false
  }
}

function withPort(databaseUrl: string, port: number): string {
  const url = new URL(databaseUrl)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return url.href
}
