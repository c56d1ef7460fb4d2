// Causes planted around a process that runs, and into a server of its own. Each is held until it is named.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { createConnection } from 'node:net'
import createClient, { type Sql } from 'postgres'
import { postgres } from '../adapters/postgres/store.ts'
import { processor } from '../definitions/processor.ts'
import type { Notice } from '../ports/report/notice.ts'
import type { Store } from '../ports/store/store.ts'
import { type Services, startServices } from '../runtime.ts'
import { cleanUp, cleanUpLater } from '../test-support/cleanup.ts'
import { holdLock } from '../test-support/hold-lock.ts'
import { type PostgresServer, startPostgres } from '../test-support/servers/postgres.ts'
import { until } from '../test-support/servers/until.ts'
import { Thing, thing } from '../test-support/shop.ts'
import { readLogStalls } from './read-facts.ts'
import type { StallCause } from './stall.ts'

let server: PostgresServer
let url: string
let sql: Sql
beforeAll(async () => {
  server = await startPostgres()
  url = await server.createDatabase()
  sql = createClient(url, { max: 2, onnotice: () => {}, connection: { application_name: 'psql by hand' } })
})
afterEach(cleanUp)
afterAll(async () => {
  await sql.end({ timeout: 1 })
  await server.stop()
})

const PATIENT = { lockTimeoutMs: 600_000, deadlineMs: 600_000 }

async function openStore(options: object = {}): Promise<Store> {
  const store = postgres(url, { ...PATIENT, ...options })
  await store.open()
  cleanUpLater(() => store.close())
  return store
}

const unit = () => {
  const event = { id: Bun.randomUUIDv7(), type: 'Removed', schema: 's', data: '{}', meta: '{}' }
  return { slices: [{ stream: 'thing-a', expect: 'any' as const, events: [event] }], keys: [] }
}

const named = (store: Store, cause: StallCause) =>
  until(`${cause} is named`, async () => (await readLogStalls(store)).some(one => one.cause === cause))

describe('a database', () => {
  test('a commit that waits for a standby which is away is named, and goes on without one', async () => {
    const store = await openStore()
    const setStandby = async (name: string) => {
      await sql.unsafe(`alter system set synchronous_standby_names = '${name}'`)
      await sql`select pg_reload_conf()`
    }
    await setStandby('nowhere')
    await until(
      'it is set',
      async () => (await sql`show synchronous_standby_names`)[0]!['synchronous_standby_names'] === 'nowhere',
    )
    const waiting = store.append([unit()])
    try {
      await named(store, 'standby')
    } finally {
      await setStandby('')
    }
    await waiting
  })

  test('a holder of the lock whose client does not read the answer is named', async () => {
    const store = await openStore()
    const socket = await readNothing(
      url,
      'begin; select pg_advisory_xact_lock(emaki.lock_key_v1()); select repeat(n::text, 99) from generate_series(1, 100000000) n',
    )
    const waiting = store.append([unit()])
    try {
      await named(store, 'lock-unread')
    } finally {
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'stuck reader'`
      socket.destroy()
    }
    await waiting
  })

  test('a pool all of whose connections are taken is named by its role', async () => {
    const store = await openStore({ readers: 1 })
    await store.head()
    const [{ pid } = { pid: 0 }] = await sql<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name like 'emaki % reader' and datname = current_database()`
    // The process of the server that serves this connection stands still.
    process.kill(pid, 'SIGSTOP')
    const reading = Promise.all([store.head(), store.head()])
    try {
      await named(store, 'pool')
      expect((await readLogStalls(store)).find(({ cause }) => cause === 'pool')!.sentence).toContain('pool reader are taken')
    } finally {
      process.kill(pid, 'SIGCONT')
    }
    await reading
  })

  test('a LISTEN that cannot be opened is named, while the log goes on', async () => {
    const store = await openStore({ directUrl: 'postgres://nobody@127.0.0.1:1/none' })
    const end = await store.watch(() => {})
    await until('it is named', async () => (await readLogStalls(store)).map(({ cause }) => cause).join() === 'deaf')
    await end()
  })
})

/** Asks a server by hand, and does not read what it answers. */
async function readNothing(address: string, query: string) {
  const { hostname, port, username, pathname } = new URL(address)
  const { promise: isReady, resolve } = Promise.withResolvers<void>()
  const socket = createConnection({ host: hostname, port: Number(port) })
  socket.on('error', () => {})
  const message = (type: string, body: string) => {
    const bytes = Buffer.from(`${body}\0`)
    const length = Buffer.alloc(4)
    length.writeInt32BE(bytes.length + 4)
    return Buffer.concat([Buffer.from(type), length, bytes])
  }
  // The version of the protocol is 3.0. The server is ready once its answer ends with a Z.
  const startup = `\0\x03\0\0user\0${username}\0database\0${pathname.slice(1)}\0application_name\0stuck reader\0`
  socket.on('data', bytes => bytes.at(-6) === 'Z'.charCodeAt(0) && resolve())
  socket.write(message('', startup))
  await isReady
  socket.pause()
  socket.write(message('Q', query))
  return socket
}

describe('a process that runs', () => {
  const isStuck = Promise.withResolvers<void>()
  const mails = processor('mails', { from: Thing, handle: () => isStuck.promise })
  const causes = (emaki: Services) => emaki.stalls.known.map(({ cause, ended }) => (ended === null ? cause : `${cause} ended`))

  async function start(serve: Parameters<typeof startServices>[0]['serve']) {
    const reported: Notice[] = []
    const store = postgres(url, { ...PATIENT, schema: `running_${serve.length}` })
    const emaki = await startServices({ serve, store, report: problem => void reported.push(problem as Notice) })
    cleanUpLater(() => emaki.close())
    return { emaki, reported }
  }

  test('a lock that a foreigner holds is noticed by itself, kept when it is over, and recorded once as it lasts', async () => {
    const { emaki, reported } = await start([thing])
    const letGo = await holdLock(sql, 'select pg_advisory_xact_lock(running_1.lock_key_v1())')
    const sending = emaki.send(thing.remove('a', {}), { deadlineMs: 600_000 })
    await until('it is noticed', () => causes(emaki).includes('lock-idle'))
    await until('it is recorded', () => reported.some(({ code }) => code === 'stall-began'))
    await letGo()
    await sending
    await until('it is over', () => causes(emaki).includes('lock-idle ended'))
    expect(reported.map(({ code }) => code).filter(code => code.startsWith('stall-'))).toEqual(['stall-began', 'stall-ended'])
  })

  test('a handler that does not end is noticed by itself, with the event that it has', async () => {
    const { emaki } = await start([thing, mails])
    await emaki.send(thing.remove('a', {}))
    await until('it is noticed', () => causes(emaki).includes('handler'))
    expect(emaki.stalls.known[0]!.sentence).toContain('the event at 1 of "thing-a"')
    isStuck.resolve()
    await until('it is over', () => causes(emaki).includes('handler ended'))
  })

  test('an event loop that is blocked is noticed afterwards', async () => {
    const { emaki } = await start([thing])
    // A look has to have been there before.
    await Bun.sleep(600)
    Bun.sleepSync(1_600)
    await until('it is noticed', () => causes(emaki).includes('event-loop ended'))
  })
})
