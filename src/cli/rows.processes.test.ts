// The verbs on rows, as processes beside a server and without one.
import { Database } from 'bun:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../test-support/served-process.ts'
import { until } from '../test-support/servers/until.ts'

const BIN = join(import.meta.dir, 'bin.ts')
const APP = join(import.meta.dir, '../test-support/poisoned-app.ts')

let folder: string
const serving: ServedProcess[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'emaki-rows-'))
})
afterEach(async () => {
  for (const one of serving.splice(0)) await one.stop()
  rmSync(folder, { recursive: true })
})

const env = (more: object = {}) => ({ SQLITE_FILE: join(folder, 'log.db'), LEASE_MS: '500', ...more })
async function startServer(more: object = {}): Promise<ServedProcess> {
  const one = await serveProcess([process.execPath, BIN, '--app', APP], env(more))
  serving.push(one)
  return one
}
async function says(...args: string[]): Promise<readonly [code: number, out: string, err: string]> {
  const command = [process.execPath, BIN, '--app', APP, ...args]
  const child = Bun.spawn(command, {
    env: { PATH: process.env['PATH'] ?? '', ...env() },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited])
  return [code, out, err]
}
async function add({ url }: ServedProcess, id: string, ...numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    const init = { method: 'POST', body: JSON.stringify({ n }), headers: { 'Content-Type': 'application/json' } }
    expect((await fetch(`${url}/sum/${id}/add`, init)).ok).toBeTrue()
  }
}
const total = async ({ url }: ServedProcess, id: string) => {
  const answer = await fetch(`${url}/sums/${id}`)
  return answer.ok ? ((await answer.json()) as { total: number }).total : answer.status
}

describe('parked keys', () => {
  test('a parked key is shown, and folded again once it is repaired and unparked', async () => {
    const broken = await startServer()
    await add(broken, 'a', 1, 13, 2)
    await until('it is parked', async () => (await says('parked'))[1].includes('thirteen'))
    expect((await says('parked'))[1]).toMatch(
      /^SUBSCRIPTION +KIND +KEY +POSITION +STATE +SINCE +CAUSE\nsums_v1 +key +a +2 +parked +\S+ +Error: thirteen\n$/,
    )
    expect(JSON.parse((await says('parked', 'sums', '--json'))[1])).toMatchObject([{ name: 'sums_v1', key: 'a', position: 2 }])
    expect(JSON.parse((await says('parked', 'sums_v1', '--json'))[1])).toHaveLength(1)
    await serving.pop()!.stop()
    const mended = await startServer({ MENDED: '1' })
    expect((await says('unpark', 'sums', 'a'))[1]).toBe('1 will be handled again\n')
    await until('it is folded', async () => (await total(mended, 'a')) === 16)
    expect((await says('parked'))[1]).toBe('nothing is parked\n')
    expect((await says('unpark', 'sums'))[1]).toBe('nothing is parked there\n')
  })

  test('a parked event that is skipped is passed over, beside the server', async () => {
    const broken = await startServer()
    await add(broken, 'a', 1, 13, 2)
    await until('it is parked', async () => (await says('parked'))[1].includes('thirteen'))
    expect((await says('skip', 'sums', 'a'))[0]).toBe(0)
    await until('it is folded', async () => (await total(broken, 'a')) === 3)
  })
})

describe('rows', () => {
  test('rows that differ from the log are found by an audit and repaired by a rebuild, beside the server', async () => {
    const one = await startServer()
    await add(one, 'a', 1, 2)
    await add(one, 'b', 3)
    await until('they are folded', async () => (await total(one, 'b')) === 3)
    expect((await says('audit', 'sums'))[0]).toBe(0)
    using db = new Database(join(folder, 'log.db'))
    db.run('pragma busy_timeout = 300000')
    db.run(`update rows_sums_v1 set data = '{"total":99}' where key = 'a'`)
    const [code, out, err] = await says('audit', 'sums', '--keys', '10')
    expect([code, out]).toEqual([1, 'a\n  stored {"total":99}\n  folded {"total":3}\n'])
    expect(err).toContain('2 keys of sums_v1 compared up to 3, 1 differ, 0 parked')
    const rebuilt = await says('rebuild', 'sums')
    expect([rebuilt[0], rebuilt[2]]).toEqual([0, expect.stringMatching(/sums_v1_g2 serves, after \d+\.\d s\n$/)])
    await until('it serves', async () => (await total(one, 'a')) === 3)
    const lines = (await says('rebuild', 'sums', '--json'))[1]
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as object)
    expect(lines[0]).toEqual({ position: expect.any(Number), head: 3 })
    expect(lines.at(-1)).toEqual({ table: 'sums_v1_g3', seconds: expect.any(Number) })
    db.run(`update rows_sums_v1_g3 set data = '{"total":99}' where key = 'a'`)
    expect((await says('reset', 'sums'))[1]).toBe('sums_v1_g3 continues after 0\n')
    await until('it is folded anew', async () => (await total(one, 'a')) === 3)
    await add(one, 'a', 4)
    await until('it is folded on', async () => (await total(one, 'a')) === 7)
  })

  test('rows of a log that was damaged are not audited, and verify says what is wrong', async () => {
    const one = await startServer()
    await add(one, 'a', 1, 2, 3)
    await until('they are folded', async () => (await total(one, 'a')) === 6)
    const whole = await says('verify')
    expect([whole[0], whole[1], whole[2]]).toEqual([0, '', expect.stringContaining('3 events up to 3 verified, 0 wrong')])
    using db = new Database(join(folder, 'log.db'))
    db.run('pragma busy_timeout = 300000')
    const triggers = db.query<{ name: string }, []>("select name from sqlite_schema where type = 'trigger'").all()
    for (const { name } of triggers) db.run(`drop trigger "${name}"`)
    db.run('delete from events where version = 2')
    const damage = 'sum-a is damaged: version 2 is expected, 3 is found at position 3'
    for (const args of [['audit', 'sums'], ['export'], ['export', '--stream', 'sum-a']]) {
      const [code, , err] = await says(...args)
      expect([args, code, err.includes(damage)]).toEqual([args, 1, true])
    }
    expect((await says('verify')).slice(0, 2)).toEqual([1, '3  sum-a 3  version 2 is expected\n'])
    const [code, out] = await says('verify', '--json')
    expect([code, JSON.parse(out)]).toEqual([
      1,
      {
        ...{ events: 2, position: 3, count: 1, wrong: [expect.objectContaining({ position: 3 })], changed: [] },
        database: [expect.objectContaining({ name: 'integrity_check', status: 'ok' }), expect.objectContaining({ status: 'ok' })],
      },
    ])
    expect((await fetch(`${one.url}/streams/sum-a`)).status).toBeOneOf([401, 403, 500])
  })

  test('rows of a name that is no projection are refused, with the names that there are', async () => {
    expect((await says('migrate'))[0]).toBe(0)
    for (const verb of ['rebuild', 'audit'])
      expect(await says(verb, 'nope')).toEqual([64, '', expect.stringContaining('which projection? There are sums')])
    for (const args of [
      ['parked', 'nope'],
      ['unpark', 'nope'],
      ['skip', 'nope', 'x'],
      ['reset', 'nope'],
      ['reset', 'nope_v1'],
    ])
      expect(await says(...args)).toEqual([
        64,
        '',
        expect.stringContaining(`no projection, processor or process is named ${args[1]}; there are sums`),
      ])
    for (const keys of ['abc', '0', '-1', '1.5', ''])
      expect(await says('audit', 'sums', `--keys=${keys}`)).toEqual([
        64,
        '',
        expect.stringContaining('--keys takes a whole number from 1'),
      ])
    expect(await says('reset', 'sums', '--position', '2')).toEqual([
      64,
      '',
      expect.stringContaining('it can only begin again at 0'),
    ])
    expect(await says('skip', 'sums')).toEqual([64, '', expect.stringContaining('skip needs a name and a key')])
    expect(await says('unpark')).toEqual([64, '', expect.stringContaining('which projection or processor?')])
  })
})
