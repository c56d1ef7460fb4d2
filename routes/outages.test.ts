// A full disk, a file that cannot be written: 507 or 503 while it lasts, service again without a restart, and nothing
// that was acknowledged is lost.
import { afterAll, describe, expect, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spec } from '../src/definitions/event/events.ts'
import { sqlite } from '../src/adapters/sqlite/index.ts'
import { client, expectProblem } from '../src/test-support/http.ts'
import { deposit, expectReads, expectWhole } from '../src/test-support/deposits.ts'
import type { Notice } from '../src/ports/report/notice.ts'
import { until } from '../src/test-support/servers/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-outages-'))
const run = (...command: string[]) => Bun.spawnSync(command, { stderr: 'ignore' }).success
const isRoot = process.getuid?.() === 0
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
    expect(new Set(bank.reported.map(problem => (problem as Notice).code))).toEqual(new Set(['retry-began', 'retry-ended']))
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
    expectProblem(await bank.get('/ready'), 'not-ready', { detail: 'the file of the log is read-only' })
    await expectReads(bank)
    expect(unlock(file, `${file}-wal`)).toBeTrue()
    await deposit(bank, 40, { answers })
    expect(answers.refused.size).toBe(40)
    await until('it is ready', async () => (await bank.get('/ready')).status === 200)
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
