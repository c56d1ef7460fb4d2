// A real PostgreSQL for tests, durable by default, on a free loopback port, gone when the test process is gone.

import postgres from 'postgres'
import { childProcesses, signalIfAlive } from './child-processes.ts'
import { freePort } from './free-port.ts'
import { postgresBinaries } from './postgres-binaries.ts'
import { type ServerUser, serverFolder, serverUser } from './server-user.ts'
import { type Supervised, supervise, untilReady } from './supervise.ts'

export type PostgresServer = {
  readonly url: string
  readonly port: number
  /** Holds its `data` and its `log`. */
  readonly folder: string
  /** The postmaster's. Another one after `restart`. */
  readonly pid: number
  /** The url of a fresh, empty database. */
  createDatabase(prefix?: string): Promise<string>
  /** Signals the server, and resolves when it has ended (or at once for SIGSTOP and SIGCONT). */
  kill(signal?: PostgresSignal): Promise<void>
  /** Starts it again on the same port and data, after ending it as a crash would if it still runs. */
  restart(): Promise<void>
  /** Ends it. Its folder is deleted in the background, which goes on when we end. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * SIGKILL ends all processes at once, SIGQUIT is the immediate shutdown (recovery at the next start), SIGINT the fast one
 * (clean). SIGSTOP freezes all processes with their sockets open, SIGCONT lets them go on.
 */
export type PostgresSignal = 'SIGKILL' | 'SIGQUIT' | 'SIGINT' | 'SIGSTOP' | 'SIGCONT'

export type PostgresOptions = {
  /** Added to postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

/**
 * Starts a PostgreSQL of its own in a fresh temporary folder. Whoever connects from this machine is the superuser.
 *
 * @example
 * await using server = await startPostgres({ settings: { max_connections: 20 } })
 * const sql = postgres(await server.createDatabase())
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce({ ...durable, ...options.settings, port: freePort() })
    } catch (error) {
      if (attempt === attemptsMax || !String(error).includes('Address already in use')) throw error
    }
  }
}

export type TestPostgres = {
  readonly url: string
  createDatabase(prefix?: string): Promise<string>
}

/** Names the PostgreSQL that processes of tests share, where one was started for them. */
export const SHARED_URL = 'EMAKI_TEST_POSTGRES'

/**
 * The PostgreSQL that tests share: the one at DATABASE_URL, the one that `with-postgres.ts` started for all processes, or
 * else one that this process starts on first use. Each test takes a database of its own from it.
 */
export function testPostgres(): Promise<TestPostgres> {
  shared ??= openTestPostgres()
  return shared
}

let shared: Promise<TestPostgres> | undefined

const attemptsMax = 3

const durable: Settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: true,
  synchronous_commit: true,
  full_page_writes: true,
  max_connections: 200,
  // After a crash one call syncs the disk, not one for each of a thousand files. Other systems than Linux know no choice.
  ...(process.platform === 'linux' && { recovery_init_sync_method: 'syncfs' }),
  // Shared memory is kept in the data folder, so that nothing stays behind after SIGKILL.
  dynamic_shared_memory_type: 'mmap',
}

type Settings = Record<string, string | number | boolean>

type Place = { readonly folder: string; readonly binaries: string; readonly user: ServerUser | undefined }

async function startOnce(settings: Settings & { port: number }): Promise<PostgresServer> {
  const user = serverUser()
  const { path, prepare } = postgresBinaries(user)
  const folder = serverFolder('postgres', user)
  const place = { folder, user, binaries: path(folder) }
  const command = ['/bin/sh', '-c', initialise, 'postgres', ...initdb(place, settings)]
  return handle(place, settings.port, await launch(place, command, () => prepare(folder)))
}

/**
 * One process from the first moment, so that it is supervised while it initialises its data, too. Told to end meanwhile, the
 * shell lets initdb finish first: the servers that it starts leave shared memory behind when they are interrupted.
 */
const initialise = 'trap exit TERM; "$@" >&2 && exec "$(dirname "$1")/postgres" -D data'

/** The data folder is not synced when it is made: a machine that loses power has lost the test as well. */
function initdb({ binaries }: Place, settings: Settings): string[] {
  const fixed = ['-D', 'data', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--no-instructions']
  const locale = ['--locale-provider=builtin', '--locale=C.UTF-8', '--lc-collate=C', '--lc-ctype=C', '--lc-messages=C']
  return [`${binaries}/initdb`, ...fixed, ...locale, ...Object.entries(settings).flatMap(setting)]
}

function setting([name, value]: [string, string | number | boolean]): string[] {
  return ['-c', `${name}=${typeof value === 'boolean' ? (value ? 'on' : 'off') : value}`]
}

async function launch({ folder, user }: Place, command: readonly string[], prepare = (): void => {}): Promise<Supervised> {
  const server = await supervise(command, { folder, user, prepare })
  try {
    await untilReady(server, folder, () => isReady(folder, server.pid))
    return server
  } catch (error) {
    await server.end()
    throw error
  }
}

/** The postmaster writes its state to the last line of this file: what `pg_ctl start` waits for. */
async function isReady(folder: string, pid: number): Promise<boolean> {
  const lines = await readPidFile(folder)
  return lines[0] === String(pid) && lines[7]?.trim() === 'ready'
}

/** Its lines, or none while it is absent. It comes and goes at any moment, as initdb starts servers of its own. */
async function readPidFile(folder: string): Promise<string[]> {
  const text = await Bun.file(`${folder}/data/postmaster.pid`)
    .text()
    .catch(() => '')
  return text.split('\n')
}

function handle(place: Place, port: number, first: Supervised): PostgresServer {
  const { folder, binaries } = place
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  let server = first
  let isFrozen = false

  const signal = async (name: PostgresSignal): Promise<void> => {
    isFrozen = name === 'SIGSTOP'
    await kill(server, name, folder)
  }
  /** Frozen processes cannot hear that they are to end. */
  const end = async (options?: { keepFolder: boolean }): Promise<void> => {
    if (isFrozen) await signal('SIGCONT')
    await server.end(options)
  }
  const restart = async (): Promise<void> => {
    await end({ keepFolder: true })
    server = await launch(place, [`${binaries}/postgres`, '-D', 'data'])
  }
  return {
    url,
    port,
    folder,
    get pid() {
      return server.pid
    },
    createDatabase: prefix => createDatabase(url, prefix),
    kill: (name = 'SIGKILL') => signal(name),
    restart,
    stop: () => end(),
    [Symbol.asyncDispose]: () => end(),
  }
}

async function kill(server: Supervised, signal: PostgresSignal, folder: string): Promise<void> {
  if (signal === 'SIGINT' || signal === 'SIGQUIT') process.kill(server.pid, signal)
  else signalAll(server.pid, signal)
  if (signal === 'SIGSTOP' || signal === 'SIGCONT') return
  await server.gone
  if (signal === 'SIGKILL') await removeSharedMemory(folder)
}

/** The postmaster is stopped first, so that it neither starts a process we miss nor answers the death of one. */
function signalAll(postmaster: number, signal: PostgresSignal): void {
  process.kill(postmaster, 'SIGSTOP')
  for (const child of childProcesses(postmaster)) signalIfAlive(child, signal)
  process.kill(postmaster, signal)
}

/** A postmaster killed by SIGKILL leaves a small System V segment behind. Its id is the second word of the seventh line. */
async function removeSharedMemory(folder: string): Promise<void> {
  const id = (await readPidFile(folder))[6]?.trim().split(/\s+/)[1]
  if (id) await Bun.spawn(['ipcrm', '-m', id], { stdout: 'ignore', stderr: 'ignore' }).exited
}

async function openTestPostgres(): Promise<TestPostgres> {
  const { DATABASE_URL, [SHARED_URL]: shared } = process.env
  if (!DATABASE_URL) return shared ? { url: shared, createDatabase: prefix => createDatabase(shared, prefix) } : startPostgres()
  await dropForgotten(DATABASE_URL)
  return { url: DATABASE_URL, createDatabase: prefix => createDatabase(DATABASE_URL, prefix) }
}

/** The name tells when it was made, which lets a later run drop what nobody can be using any more. */
async function createDatabase(serverUrl: string, prefix = 'test'): Promise<string> {
  const name = `${namespace}_${prefix}_${Date.now()}_${Math.random().toString(36).slice(2, 8)}`
  await withClient(serverUrl, sql => sql`create database ${sql(name)}`)
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.href
}

const namespace = 'emaki_test'
const forgottenAfterMs = 3_600_000

/** On a server that is not ours databases outlive us, so the next run drops those that are older than an hour. */
async function dropForgotten(serverUrl: string): Promise<void> {
  await withClient(serverUrl, async sql => {
    const before = Date.now() - forgottenAfterMs
    const rows = await sql<{ name: string }[]>`
      select datname as name from pg_database
      where substring(datname from ${`^${namespace}_.*_([0-9]{13})_[0-9a-z]+$`})::bigint < ${before}
    `
    for (const { name } of rows) await sql`drop database if exists ${sql(name)} with (force)`
  })
}

async function withClient<Result>(url: string, use: (sql: postgres.Sql) => Promise<Result>): Promise<Result> {
  const sql = postgres(url, { max: 1, onnotice: () => {}, fetch_types: false })
  try {
    return await use(sql)
  } finally {
    await sql.end()
  }
}
