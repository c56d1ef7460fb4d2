// A full disk, a file that cannot be written, a dead database: 507 or 503 while it lasts, service again without a restart, and nothing
// that was acknowledged is lost.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spec } from '../src/definitions/event/events.ts'
import { postgres } from '../src/adapters/postgres/index.ts'
import { sqlite } from '../src/adapters/sqlite/index.ts'
import type { Store } from '../src/ports/store/store.ts'
import { type Answer, type Client, client, expectProblem } from '../src/test-support/http.ts'
import { type PostgresServer, startPostgres } from '../src/test-support/servers/postgres.ts'
import { until } from '../src/test-support/servers/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-outages-'))
const ran = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).success
const isRoot = process.getuid?.() === 0
const CALLERS = 8

/** What callers were told, command by command: every note that was accepted, and how the others were refused. */
type Told = { readonly accepted: Set<string>; readonly refused: Map<string, Answer> }

let said = 0
/** Sends so many commands, some at once. */
async function load(
  { post }: Client,
  many: number,
  { size = 10, told = { accepted: new Set(), refused: new Map() } as Told } = {},
): Promise<Told> {
  const caller = async (id: number) => {
    for (let i = id; i < many; i += CALLERS) {
      const note = `${++said}${'x'.repeat(size)}`
      const answer = await post(`/account/a${id}/deposit`, { cents: 1, note }, { 'Idempotency-Key': String(said) })
      if (answer.status === 200 || answer.status === 201) told.accepted.add(note)
      else told.refused.set(note, answer)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, id) => caller(id)))
  return told
}

async function notesOf(store: Store): Promise<readonly string[]> {
  const events = await store.readAll({ after: 0, limit: 100_000 })
  return events.map(({ data }) => (JSON.parse(data) as { note: string }).note)
}

/** The log has what was acknowledged, once, and nothing that was refused. */
async function isWhole(store: Store, { accepted }: Told): Promise<void> {
  expect((await notesOf(store)).toSorted()).toEqual([...accepted].sort())
}

async function stillReads({ get }: Client): Promise<void> {
  expect((await get('/account/a1')).status).toBe(200)
  expect((await get('/streams/account-a1')).status).toBe(200)
  expect((await get('/health')).status).toBe(200)
}

const disk = join(folder, 'disk')
const canMount = isRoot && ran('mkdir', '-p', disk) && ran('mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk)
if (!canMount) console.warn('A full disk is not tried: mounting a small one takes root.')

const locked = join(folder, 'locked')
mkdirSync(locked)
/** Root may write whatever the permissions say, but not what is immutable. */
const lock = (...paths: string[]) =>
  isRoot ? ran('chattr', '+i', ...paths) : paths.map(path => chmodSync(path, 0o555)).length > 0
const unlock = (...paths: string[]) =>
  isRoot ? ran('chattr', '-i', ...paths) : paths.map(path => chmodSync(path, 0o755)).length > 0
const canLock = lock(locked) && unlock(locked)
if (!canLock) console.warn('A file that cannot be written is not tried: chattr does not work here.')
if (!isRoot) console.warn('A file that becomes read-only while it is open is not tried: it takes root.')

afterAll(() => {
  if (canMount) ran('umount', disk)
  rmSync(folder, { recursive: true })
})

describe('a disk that is full', () => {
  test.skipIf(!canMount)('a command on a full disk answers 507, and is accepted once there is room', async () => {
    const store = sqlite(join(disk, 'log.db'))
    const made = client({ store })
    const told = await load(made, 100, { size: 10_000 })
    expect(told.accepted.size).toBeGreaterThan(0)
    expect(told.refused.size).toBeGreaterThan(0)
    for (const answer of told.refused.values()) {
      expectProblem(answer, 'storage-full')
      expect(answer.headers.get('retry-after')).toBe('10')
    }
    await stillReads(made)
    await isWhole(store, told)
    expect(ran('mount', '-o', 'remount,size=16m', disk)).toBeTrue()
    const { size } = told.refused
    await load(made, 100, { size: 10_000, told })
    expect(told.refused.size).toBe(size)
    await isWhole(store, told)
    expect(made.reported).toEqual([])
    await made.app[spec].stop()
  })
})

describe('a file that cannot be written', () => {
  test.skipIf(!canLock || !isRoot)('a command answers 503 while its file is read-only, and is accepted afterwards', async () => {
    const file = join(locked, 'log.db')
    const store = sqlite(file)
    const made = client({ store })
    const told = await load(made, 40)
    expect(told.refused.size).toBe(0)
    expect(lock(file, `${file}-wal`)).toBeTrue()
    await load(made, 40, { told })
    expect(told.refused.size).toBe(40)
    for (const answer of told.refused.values()) expectProblem(answer, 'unavailable')
    await stillReads(made)
    expect(unlock(file, `${file}-wal`)).toBeTrue()
    await load(made, 40, { told })
    expect(told.refused.size).toBe(40)
    await isWhole(store, told)
    await made.app[spec].stop()
  })

  test.skipIf(!canLock)('a command answers 503 while its folder is read-only, and is accepted afterwards', async () => {
    const at = join(locked, 'start')
    mkdirSync(at)
    expect(lock(at)).toBeTrue()
    const store = sqlite(join(at, 'log.db'))
    const made = client({ store })
    const answer = await made.post('/account/a1/deposit', { cents: 1 })
    expect(unlock(at)).toBeTrue()
    expectProblem(answer, 'unavailable')
    const told = await load(made, 10)
    expect(told.refused.size).toBe(0)
    await isWhole(store, told)
    await made.app[spec].stop()
  })
})

describe('a database that is dead', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server.stop())

  test('a command on a database that ends answers 503, and is accepted once it runs, with nothing lost and nothing twice', async () => {
    const store = postgres(await server.createDatabase())
    const made = client({ store })
    const told = await load(made, 200)
    expect(told.refused.size).toBe(0)

    const loading = load(made, 400, { told })
    await until('there is load', () => told.accepted.size > 300)
    await server.kill('SIGKILL')
    // While it is dead, those under way are said again until their deadline, 5 s, and what comes after is told at once.
    await until('it is refused', () => told.refused.size > 0)
    expectProblem(await made.post('/account/b1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await made.get('/account/a1'), 'unavailable')
    expect((await made.get('/health')).status).toBe(200)
    await server.restart()
    await loading
    for (const answer of told.refused.values())
      expect(answer).toMatchObject({ status: 503, body: { type: expect.stringMatching(/unavailable|outcome-unknown/) } })
    await until('it serves again', async () => (await made.get('/account/a1')).status === 200)

    const refusals = told.refused.size
    await load(made, 80, { told })
    expect(told.refused.size).toBe(refusals)
    const notes = await notesOf(store)
    expect(new Set(notes).size).toBe(notes.length)
    expect([...told.accepted].filter(note => !notes.includes(note))).toEqual([])
    for (const [note, { body }] of told.refused)
      if (notes.includes(note)) expect(body).toMatchObject({ type: '/problems/outcome-unknown' })
    await made.app[spec].stop()
  })

  test('a command on a database that does not run at the start answers 503, and is accepted once it runs', async () => {
    const url = await server.createDatabase()
    await server.kill('SIGINT')
    const made = client({ store: postgres(url) })
    expectProblem(await made.post('/account/a1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await made.get('/ready'), 'not-ready', { detail: 'starting' })
    await server.restart()
    await until('it serves', async () => (await made.post('/account/a1/deposit', { cents: 1 })).status === 201)
    await made.app[spec].stop()
  })
})
