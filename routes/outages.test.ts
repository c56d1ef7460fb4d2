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
const run = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).success
const isRoot = process.getuid?.() === 0
const CALLERS = 8

/** What callers were told, command by command: every note that was accepted, and how the others were refused. */
type Answers = { readonly accepted: Set<string>; readonly refused: Map<string, Answer> }

let sentCount = 0
/** Sends so many commands, some at once. */
async function deposit(
  { post }: Client,
  many: number,
  { size = 10, answers = { accepted: new Set(), refused: new Map() } as Answers } = {},
): Promise<Answers> {
  const caller = async (id: number) => {
    for (let i = id; i < many; i += CALLERS) {
      const note = `${++sentCount}${'x'.repeat(size)}`
      const answer = await post(`/account/a${id}/deposit`, { cents: 1, note }, { 'Idempotency-Key': String(sentCount) })
      if (answer.status === 200 || answer.status === 201) answers.accepted.add(note)
      else answers.refused.set(note, answer)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, id) => caller(id)))
  return answers
}

async function readNotes(store: Store): Promise<readonly string[]> {
  const events = await store.readAll({ after: 0, limit: 100_000 })
  return events.map(({ data }) => (JSON.parse(data) as { note: string }).note)
}

/** The log has what was acknowledged, once, and nothing that was refused. */
async function expectWhole(store: Store, { accepted }: Answers): Promise<void> {
  expect((await readNotes(store)).toSorted()).toEqual([...accepted].sort())
}

async function expectReads({ get }: Client): Promise<void> {
  expect((await get('/account/a1')).status).toBe(200)
  expect((await get('/streams/account-a1')).status).toBe(200)
  expect((await get('/health')).status).toBe(200)
}

const disk = join(folder, 'disk')
const canMount = isRoot && run('mkdir', '-p', disk) && run('mount', '-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk)
if (!canMount) console.warn('A full disk is not tried: mounting a small one takes root.')

const locked = join(folder, 'locked')
mkdirSync(locked)
/** Root may write whatever the permissions say, but not what is immutable. */
const lock = (...paths: string[]) =>
  isRoot ? run('chattr', '+i', ...paths) : paths.map(path => chmodSync(path, 0o555)).length > 0
const unlock = (...paths: string[]) =>
  isRoot ? run('chattr', '-i', ...paths) : paths.map(path => chmodSync(path, 0o755)).length > 0
const canLock = lock(locked) && unlock(locked)
if (!canLock) console.warn('A file that cannot be written is not tried: chattr does not work here.')
if (!isRoot) console.warn('A file that becomes read-only while it is open is not tried: it takes root.')

afterAll(() => {
  if (canMount) run('umount', disk)
  rmSync(folder, { recursive: true })
})

describe('a disk that is full', () => {
  test.skipIf(!canMount)('a command on a full disk answers 507, and is accepted once there is room', async () => {
    const store = sqlite(join(disk, 'log.db'))
    const bank = client({ store })
    const answers = await deposit(bank, 100, { size: 10_000 })
    expect(answers.accepted.size).toBeGreaterThan(0)
    expect(answers.refused.size).toBeGreaterThan(0)
    for (const answer of answers.refused.values()) {
      expectProblem(answer, 'storage-full')
      expect(answer.headers.get('retry-after')).toBe('10')
    }
    await expectReads(bank)
    await expectWhole(store, answers)
    expect(run('mount', '-o', 'remount,size=16m', disk)).toBeTrue()
    const { size } = answers.refused
    await deposit(bank, 100, { size: 10_000, answers })
    expect(answers.refused.size).toBe(size)
    await expectWhole(store, answers)
    expect(bank.reported).toEqual([])
    await bank.app[spec].stop()
  })
})

describe('a file that cannot be written', () => {
  test.skipIf(!canLock || !isRoot)('a command answers 503 while its file is read-only, and is accepted afterwards', async () => {
    const file = join(locked, 'log.db')
    const store = sqlite(file)
    const bank = client({ store })
    const answers = await deposit(bank, 40)
    expect(answers.refused.size).toBe(0)
    expect(lock(file, `${file}-wal`)).toBeTrue()
    await deposit(bank, 40, { answers })
    expect(answers.refused.size).toBe(40)
    for (const answer of answers.refused.values()) expectProblem(answer, 'unavailable')
    await expectReads(bank)
    expect(unlock(file, `${file}-wal`)).toBeTrue()
    await deposit(bank, 40, { answers })
    expect(answers.refused.size).toBe(40)
    await expectWhole(store, answers)
    await bank.app[spec].stop()
  })

  test.skipIf(!canLock)('a command answers 503 while its folder is read-only, and is accepted afterwards', async () => {
    const at = join(locked, 'start')
    mkdirSync(at)
    expect(lock(at)).toBeTrue()
    const store = sqlite(join(at, 'log.db'))
    const bank = client({ store })
    const answer = await bank.post('/account/a1/deposit', { cents: 1 })
    expect(unlock(at)).toBeTrue()
    expectProblem(answer, 'unavailable')
    const answers = await deposit(bank, 10)
    expect(answers.refused.size).toBe(0)
    await expectWhole(store, answers)
    await bank.app[spec].stop()
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
    const bank = client({ store })
    const answers = await deposit(bank, 200)
    expect(answers.refused.size).toBe(0)

    const loading = deposit(bank, 400, { answers })
    await until('there is load', () => answers.accepted.size > 300)
    await server.kill('SIGKILL')
    // While it is dead, those under way are said again until their deadline, 5 s, and what comes after is told at once.
    await until('it is refused', () => answers.refused.size > 0)
    expectProblem(await bank.post('/account/b1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await bank.get('/account/a1'), 'unavailable')
    expect((await bank.get('/health')).status).toBe(200)
    await server.restart()
    await loading
    for (const answer of answers.refused.values())
      expect(answer).toMatchObject({ status: 503, body: { type: expect.stringMatching(/unavailable|outcome-unknown/) } })
    await until('it serves again', async () => (await bank.get('/account/a1')).status === 200)

    const refusals = answers.refused.size
    await deposit(bank, 80, { answers })
    expect(answers.refused.size).toBe(refusals)
    const notes = await readNotes(store)
    expect(new Set(notes).size).toBe(notes.length)
    expect([...answers.accepted].filter(note => !notes.includes(note))).toEqual([])
    for (const [note, { body }] of answers.refused)
      if (notes.includes(note)) expect(body).toMatchObject({ type: '/problems/outcome-unknown' })
    await bank.app[spec].stop()
  })

  test('a command on a database that does not run at the start answers 503, and is accepted once it runs', async () => {
    const url = await server.createDatabase()
    await server.kill('SIGINT')
    const bank = client({ store: postgres(url) })
    expectProblem(await bank.post('/account/a1/deposit', { cents: 1 }), 'unavailable')
    expectProblem(await bank.get('/ready'), 'not-ready', { detail: 'starting' })
    await server.restart()
    await until('it serves', async () => (await bank.post('/account/a1/deposit', { cents: 1 })).status === 201)
    await bank.app[spec].stop()
  })
})
