import { Database } from 'bun:sqlite'
import { afterEach, describe, expect, spyOn, test } from 'bun:test'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryBus } from '../bus/memory.ts'
import { storeContract } from '../store/contract.ts'
import type { NewEvent, Store, StoreError, Unit } from '../store/store.ts'
import { tail } from '../subscription/tail.ts'
import { until } from '../testing/servers/until.ts'
import { reasonOf, storeError } from './errors.ts'
import { type SqliteOptions, sqlite } from './store.ts'

const left: (() => unknown)[] = []
afterEach(async () => {
  for (const undo of left.splice(0).toReversed()) await undo()
})

storeContract('sqlite', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-sqlite-'))
  let ahead = 0
  const open = async () => {
    const store = sqlite(join(folder, 'log.db'), { now: () => Date.now() + ahead })
    await store.open()
    return store
  }
  let current = await open()
  return {
    store: current,
    reopen: async () => {
      await current.close()
      current = await open()
      return current
    },
    advance: ms => {
      ahead += ms
    },
    close: async () => {
      await current.close()
      rmSync(folder, { recursive: true })
    },
  }
})

describe('opening', () => {
  test('makes the folder, and leaves nothing but the file and the lock beside it when it is closed', async () => {
    const file = join(folder(), 'a', 'b', 'log.db')
    const store = await opened(file)
    await store.append([unit('s-1', 0)])
    await store.close()
    expect(readdirSync(join(file, '..')).toSorted()).toEqual(['log.db', 'log.db-serving'])
    await store.open()
    expect(await store.head()).toBe(1)
  })

  test('refuses :memory: and no name at all', () => {
    for (const file of [':memory:', '']) expect(() => sqlite(file)).toThrow('wants a file')
  })

  test('reads back that the file is in WAL mode and that each commit is synced', async () => {
    const connections = connectionsOpened()
    await opened(join(folder(), 'log.db'))
    const store = connections.at(-1)!
    expect(store.query('pragma journal_mode').get()).toEqual({ journal_mode: 'wal' })
    expect(store.query('pragma synchronous').get()).toEqual({ synchronous: 2 })
    expect(store.query('pragma busy_timeout').get()).toEqual({ timeout: 0 })
  })

  for (const ignored of ['pragma journal_mode = wal', 'pragma synchronous = full']) {
    test(`refuses a file on which "${ignored}" has no effect`, async () => {
      connectionsOpened(sql => (sql === ignored ? sql.replace(/wal|full/, word => (word === 'wal' ? 'delete' : 'normal')) : sql))
      const error = await failure(sqlite(join(folder(), 'log.db')).open())
      expect(error).toMatchObject({ reason: 'refused', message: expect.stringContaining('cannot be made durable') })
    })
  }

  test('lets go of the file when it fails, so that it can be tried again', async () => {
    const file = join(folder(), 'log.db')
    mkdirSync(file)
    const store = sqlite(file)
    for (let i = 0; i < 2; i++)
      expect(await failure(store.open())).toMatchObject({ reason: 'unavailable', message: expect.stringContaining('CANTOPEN') })
    rmSync(file, { recursive: true })
    await opened(file)
  })

  test('is unavailable where the folder cannot be made', async () => {
    const base = folder()
    writeFileSync(join(base, 'a-file'), '')
    expect(await failure(sqlite(join(base, 'a-file', 'log.db')).open())).toMatchObject({ reason: 'unavailable' })
  })

  test('is refused for a file that is no database', async () => {
    const file = join(folder(), 'log.db')
    writeFileSync(file, 'not a database, but long enough to be looked at. '.repeat(100))
    expect(await failure(sqlite(file).open())).toMatchObject({ reason: 'refused', message: expect.stringContaining(file) })
  })

  test('makes a store that is not open, or closed, unavailable', async () => {
    const store = sqlite(join(folder(), 'log.db'))
    for (const call of [() => store.head(), () => store.append([unit('s-1', 0)]), () => store.ping()])
      expect(await failure(call())).toMatchObject({ reason: 'unavailable' })
    await store.open()
    await store.close()
    expect(await failure(store.append([unit('s-1', 0)]))).toMatchObject({ reason: 'unavailable' })
  })
})

describe('a second process', () => {
  test('is refused while the first serves the file, and serves it once that is gone', async () => {
    const file = join(folder(), 'log.db')
    const server = child(`
      const store = sqlite(${JSON.stringify(file)})
      await store.open()
      print('serving')
      await new Promise(resolve => setTimeout(resolve, 600_000))`)
    await server.line()
    expect(await failure(sqlite(file).open())).toMatchObject({
      reason: 'refused',
      message: `${file} is already served by another process; stop it first, or use PostgreSQL for several`,
    })
    symlinkSync(file, `${file}-link`)
    expect(await failure(sqlite(`${file}-link`).open())).toMatchObject({ reason: 'refused' })
    const beside = await opened(file, { exclusive: false })
    expect((await beside.append([unit('s-1', 0)])).map(({ outcome }) => outcome)).toEqual(['appended'])
    await server.kill()
    const store = await opened(file)
    expect(await store.head()).toBe(1)
  })

  test('writes beside the first with exclusive: false, and both have all of both in one order', async () => {
    const file = join(folder(), 'log.db')
    const store = await opened(file)
    const beside = child(`
      const store = sqlite(${JSON.stringify(file)}, { exclusive: false })
      await store.open()
      print('begun')
      for (let i = 0; i < 100; i++) {
        const event = { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data: '1', meta: '{}' }
        await store.append([{ slices: [{ stream: 's-child', expect: i, events: [event] }], keys: [] }])
      }
      await store.close()
      print('done')`)
    await beside.line()
    let appended = 0
    const done = beside.line()
    for (let racing = true; racing || appended < 100; appended++) {
      expect((await store.append([unit('s-parent', appended)]))[0]).toMatchObject({ outcome: 'appended' })
      racing = await Promise.race([done.then(() => false), new Promise<true>(resolve => setImmediate(() => resolve(true)))])
    }
    const events = await store.readAll({ after: 0, limit: 100_000 })
    expect(events.map(({ position }) => position)).toEqual(Array.from({ length: appended + 100 }, (_, i) => i + 1))
    expect(events.filter(({ stream }) => stream === 's-child')).toHaveLength(100)
    expect(events.map(({ at }) => at)).toEqual(events.map(({ at }) => at).toSorted())
  })

  test('leaves exactly one of 64 creators of a stream to win, half of them on each connection', async () => {
    const file = join(folder(), 'log.db')
    const stores = [await opened(file), await opened(file, { exclusive: false })]
    const outcomes = await Promise.all(Array.from({ length: 64 }, (_, i) => stores[i % 2]!.append([unit('s-1', 0)])))
    expect(outcomes.flat().filter(({ outcome }) => outcome === 'appended')).toHaveLength(1)
    expect(await stores[1]!.head()).toBe(1)
  })
})

describe('who watches a file', () => {
  test('is woken by what another process writes, and by nothing of its own', async () => {
    const file = join(folder(), 'log.db')
    const server = await opened(file)
    const other = await opened(file, { exclusive: false })
    const woken: (number | null)[] = []
    const end = await server.watch(head => void woken.push(head))
    await server.append([unit('s-1', 0)])
    for (let i = 0; i < 3; i++) {
      await other.append([unit(`s-${i}`, 'any')])
      await until('it is woken', () => woken.length === i + 1)
    }
    expect(woken).toEqual([null, null, null])
    await end()
    await other.append([unit('s-1', 'any')])
    await Bun.sleep(60)
    expect(woken).toHaveLength(3)
  })

  test('has in its tail what another process writes, between what it appends itself', async () => {
    const file = join(folder(), 'log.db')
    const server = await opened(file)
    const other = await opened(file, { exclusive: false })
    const bus = memoryBus()
    const follows = tail({ store: server, bus, report: () => {} })
    await follows.start()
    for (let i = 0; i < 10; i++) {
      await other.append([unit('s-1', 'any')])
      await server.append([unit('s-2', 'any')])
      bus.publish(await server.readAll({ after: i * 2 + 1, limit: 1 }))
      if (i % 3 === 0) await until('all is there', async () => follows.head === (await server.head()))
    }
    await until('all is there', () => follows.head === 20)
    expect(follows.page(0, 100)!.map(({ position }) => position)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    await follows.close()
  })
})

describe('while another process writes, an append', () => {
  test('waits until it is done, without stopping the event loop', async () => {
    const { store, file } = await log()
    const other = writing(file)
    let answered = false
    const append = store.append([unit('s-1', 0)]).then(outcomes => {
      answered = true
      return outcomes
    })
    // A busy wait would leave room for a single turn, and end with a failure.
    for (let turns = 0; turns < 100; turns++) await new Promise(resolve => setImmediate(resolve))
    expect(answered).toBeFalse()
    expect(await store.head()).toBe(0)
    other.run('commit')
    expect(await append).toMatchObject([{ outcome: 'appended' }])
  })

  test('is unavailable after its deadline, and has appended nothing', async () => {
    const { store, file } = await log({ busyMs: 20 })
    const other = writing(file)
    expect(await failure(store.append([unit('s-1', 0)]))).toMatchObject({ reason: 'unavailable' })
    other.run('commit')
    expect(await store.head()).toBe(0)
    expect(await store.append([unit('s-1', 0)])).toMatchObject([{ outcome: 'appended' }])
  })

  test('waits no longer than its signal allows', async () => {
    const { store, file } = await log({ busyMs: 60_000 })
    writing(file)
    const controller = new AbortController()
    const append = failure(store.append([unit('s-1', 0)], { signal: controller.signal }))
    controller.abort()
    expect(await append).toMatchObject({ reason: 'unavailable' })
  })

  test('is answered at once where it only checks, as are reads', async () => {
    const { store, file } = await log({ busyMs: 0 })
    await store.append([unit('s-1', 0)])
    writing(file)
    const check: Unit = { slices: [{ stream: 's-1', expect: 1, events: [] }], keys: [] }
    expect(await store.append([check])).toMatchObject([{ outcome: 'appended' }])
    expect((await store.load([{ stream: 's-1', after: 0 }], [])).streams[0]!.version).toBe(1)
    expect(await store.readAll({ after: 0, limit: 10 })).toHaveLength(1)
  })

  test('sees what the other wrote, though it was last told of a conflict too large to send', async () => {
    const { store, file } = await log()
    const beside = await opened(file, { exclusive: false })
    await store.append([unit('s-1', 0, 6, 60_000)])
    expect(await store.append([unit('s-1', 0)])).toMatchObject([{ outcome: 'conflict', conflicts: [{ missed: null }] }])
    await beside.append([unit('s-2', 0)])
    expect(await store.append([unit('s-2', 1)])).toMatchObject([{ outcome: 'appended', slices: [{ version: 2, position: 8 }] }])
  })
})

describe('the file', () => {
  const wrong = {
    'an update of an event': `update events set data = '0' where position = 1`,
    'an update in place of an insert': `insert into events select * from events where true on conflict (position) do update set data = '0'`,
    'a delete of an event': 'delete from events where position = 1',
    'a delete of all events': 'delete from events',
    'a replacement at a position': `insert or replace into events select position, stream, version, id, 'Other', schema, data, meta, at from events where position = 1`,
    'a replacement of a version': `insert or replace into events select 9, stream, version, id, 'Other', schema, data, meta, at from events where position = 1`,
    'a position that was passed': `insert into events select 1, 's-9', 1, id, type, schema, data, meta, at from events where position = 1`,
    'a version that leaves a gap': `insert into events select 9, stream, 9, id, type, schema, data, meta, at from events where position = 1`,
  }
  for (const [title, sql] of Object.entries(wrong)) {
    test(`refuses ${title}, whoever asks for it`, async () => {
      const { store, file } = await log()
      await store.append([unit('s-1', 0, 2)])
      const before = await store.readAll({ after: 0, limit: 10 })
      const other = new Database(file)
      expect(() => other.run(sql)).toThrow(/events are (immutable|appended)/)
      other.close()
      expect(await store.readAll({ after: 0, limit: 10 })).toEqual(before)
    })
  }
})

describe('an answered append', () => {
  test('is there after its process was killed, five times in a row', async () => {
    const file = join(folder(), 'log.db')
    for (let round = 0; round < 5; round++) {
      const writer = child(`
        const store = sqlite(${JSON.stringify(file)})
        await store.open()
        for (let version = await store.head(); ; version++) {
          const event = { id: Bun.randomUUIDv7(), type: 'Happened', schema: 'abcdefghij', data: JSON.stringify('x'.repeat(500)), meta: '{}' }
          await store.append([{ slices: [{ stream: 's-1', expect: version, events: [event] }], keys: [] }])
          print((version + 1) + ' ' + event.id)
        }`)
      for (let lines = 0; lines < 20 + 37 * round; lines++) await writer.line()
      await writer.kill()
      const answered = writer.lines.map(line => line.split(' ') as [string, string])
      const store = await opened(file)
      const found = new Map((await store.readAll({ after: 0, limit: 100_000 })).map(({ version, id }) => [version, id]))
      expect(answered.filter(([version, id]) => found.get(Number(version)) !== id)).toEqual([])
      expect(found.size).toBe(await store.head())
      await store.close()
    }
  })
})

describe('on a full disk an append', () => {
  test('says that there is no room, reads go on, and it works again when there is', async () => {
    const connections = connectionsOpened()
    const { store } = await log()
    const db = connections.at(-1)!
    const pages = db.query<{ page_count: number }, []>('pragma page_count').get()!.page_count
    db.run(`pragma max_page_count = ${pages + 10}`)
    await fullThenRoom(store, async () => db.run('pragma max_page_count = 1000000'))
  })

  test.skipIf(!canMount())('does so on a real one', async () => {
    const disk = mounted('size=1m')
    writeFileSync(join(disk, 'ballast'), new Uint8Array(400_000))
    const store = await opened(join(disk, 'log.db'))
    await fullThenRoom(store, async () => rmSync(join(disk, 'ballast')))
  })

  async function fullThenRoom(store: Store, makeRoom: () => Promise<unknown>): Promise<void> {
    let answered = 0
    const fill = async () => {
      while (answered < 1_000) {
        await store.append([unit('s-1', answered, 1, 20_000)])
        answered++
      }
    }
    expect(await failure(fill())).toMatchObject({ reason: 'full' })
    expect(answered).toBeLessThan(1_000)
    expect(await failure(store.append([unit('s-1', answered, 1, 20_000)]))).toMatchObject({ reason: 'full' })
    expect(await store.readAll({ after: 0, limit: 1_000 })).toHaveLength(answered)
    await makeRoom()
    expect(await store.append([unit('s-1', answered, 1, 20_000)])).toMatchObject([{ outcome: 'appended' }])
    expect(await store.head()).toBe(answered + 1)
  }
})

describe('a file that cannot be written', () => {
  test.skipIf(process.getuid?.() === 0 && !canMount())('is unavailable, and serves again when it can', async () => {
    // Root may write to what is read-only by its mode, but not to a file system that is.
    const root = process.getuid?.() === 0
    const disk = root ? mounted('size=4m') : folder()
    const file = join(disk, 'log.db')
    const store = await opened(file)
    await store.append([unit('s-1', 0)])
    await store.close()
    const unlock = root ? () => mount('-o', 'remount,rw', disk) : () => chmodSync(disk, 0o700)
    if (root) mount('-o', 'remount,ro', disk)
    else chmodSync(disk, 0o500)
    left.push(unlock)
    expect(await failure(sqlite(file).open())).toMatchObject({ reason: 'unavailable' })
    expect(await failure(sqlite(file, { exclusive: false }).open())).toMatchObject({ reason: 'unavailable' })
    unlock()
    await store.open()
    expect(await store.append([unit('s-1', 1)])).toMatchObject([{ outcome: 'appended' }])
  })

  const reasons = {
    SQLITE_FULL: 'full',
    ENOSPC: 'full',
    SQLITE_READONLY_DIRECTORY: 'unavailable',
    SQLITE_IOERR_READ: 'unavailable',
    SQLITE_IOERR_FSYNC: 'unknown',
    SQLITE_CANTOPEN: 'unavailable',
    SQLITE_BUSY_SNAPSHOT: 'unavailable',
    EACCES: 'unavailable',
    SQLITE_CORRUPT: 'refused',
    SQLITE_TOOBIG: 'refused',
    SQLITE_CONSTRAINT_TRIGGER: 'refused',
  }
  test.each(Object.entries(reasons))('means by %s: %s', (code, reason) => {
    expect(reasonOf(code)).toBe(reason as StoreError['reason'])
  })

  test('leaves errors that are no business of the file as they are', () => {
    const error = new TypeError('ours')
    expect(storeError('log.db', error)).toBe(error)
  })
})

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'emaki-sqlite-'))
  left.push(() => rmSync(path, { recursive: true, force: true }))
  return path
}

async function opened(file: string, options: SqliteOptions = {}): Promise<Store> {
  const store = sqlite(file, options)
  await store.open()
  left.push(() => store.close())
  return store
}

async function log(options: SqliteOptions = {}): Promise<{ readonly store: Store; readonly file: string }> {
  const file = join(folder(), 'log.db')
  return { store: await opened(file, options), file }
}

/** Another process as the file sees it: a connection that has begun to write. */
function writing(file: string): Database {
  const other = new Database(file)
  other.run('begin immediate')
  left.push(() => other.close())
  return other
}

/** The connections that are opened from now on, in order; each statement that is run may be changed on its way. */
function connectionsOpened(change: (sql: string) => string = sql => sql): readonly Database[] {
  const seen = new Set<Database>()
  const list: Database[] = []
  const run = Database.prototype.run
  const spy = spyOn(Database.prototype, 'run').mockImplementation(function (this: Database, sql: string, ...bindings) {
    if (!seen.has(this)) list.push(this)
    seen.add(this)
    return run.call(this, change(sql), ...bindings)
  })
  left.push(() => spy.mockRestore())
  return list
}

function failure(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    value => new Error(`expected a failure, found ${Bun.inspect(value)}`),
    (error: unknown) => error,
  )
}

function unit(stream: string, expect: number | 'any', many = 1, size = 10): Unit {
  const event = (): NewEvent => ({
    id: Bun.randomUUIDv7(),
    type: 'Happened',
    schema: 'abcdefghij',
    data: JSON.stringify('x'.repeat(size)),
    meta: '{}',
  })
  return { slices: [{ stream, expect, events: Array.from({ length: many }, event) }], keys: [] }
}

type Child = { readonly lines: readonly string[]; readonly line: () => Promise<string>; readonly kill: () => Promise<void> }

/** A real process that runs a script, whose `print` writes a line before it returns. */
function child(script: string): Child {
  const module = JSON.stringify(join(import.meta.dir, 'index.ts'))
  const code = `
    import { writeSync } from 'node:fs'
    import { sqlite } from ${module}
    const print = text => writeSync(1, text + '\\n')
    ${script}`
  const started = Bun.spawn([process.execPath, '-e', code], { stdout: 'pipe', stderr: 'inherit' })
  left.push(() => started.kill(9))
  const lines: string[] = []
  const waiting: ((line: string) => void)[] = []
  let given = 0
  const read = (async () => {
    let rest = ''
    for await (const chunk of started.stdout.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop()!
      for (const part of parts) {
        lines.push(part)
        while (waiting.length && given < lines.length) waiting.shift()!(lines[given++]!)
      }
    }
  })()
  return {
    lines,
    line: () => new Promise(resolve => (given < lines.length ? resolve(lines[given++]!) : waiting.push(resolve))),
    kill: async () => {
      started.kill(9)
      await started.exited
      await read
    },
  }
}

function mount(...options: string[]): boolean {
  return Bun.spawnSync(['mount', ...options], { stdout: 'ignore', stderr: 'ignore' }).success
}

function mounted(options: string): string {
  const path = folder()
  if (!mount('-t', 'tmpfs', '-o', options, 'tmpfs', path)) throw new Error(`cannot mount ${path}`)
  left.push(() => Bun.spawnSync(['umount', '-l', path]))
  return path
}

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0 || !existsSync('/proc/mounts'))
    return skipped('needs root on Linux')
  const path = mkdtempSync(join(tmpdir(), 'emaki-mount-'))
  const can = mount('-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path)
  if (can) Bun.spawnSync(['umount', path])
  rmSync(path, { recursive: true })
  return can || skipped('may not mount')
}

function skipped(why: string): false {
  console.log(`tests on a file system of their own are skipped: ${why}`)
  return false
}
