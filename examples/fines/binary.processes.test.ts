import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serveProcess } from '../../src/test-support/served-process.ts'
import { until } from '../../src/test-support/servers/until.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-binary-'))
const binary = join(folder, 'fines')
const environment = { PATH: process.env['PATH'] ?? '', SQLITE_FILE: join(folder, 'log.db') }

beforeAll(() => {
  const options = ['--compile', '--bytecode', '--format=esm', '--minify', '--outfile', binary]
  const { success, stderr } = Bun.spawnSync([process.execPath, 'build', ...options, join(import.meta.dir, 'main.ts')])
  if (!success) throw new Error(stderr.toString())
})
afterAll(() => rmSync(folder, { recursive: true }))

test('one compiled binary of fines imports a CSV by its own map, serves the rows, and exports the log', async () => {
  const run = (...args: readonly string[]) => Bun.spawnSync([binary, ...args], { cwd: folder, env: environment })
  const served = await serveProcess([binary], environment)
  const imported = run('import', join(import.meta.dir, 'sample.csv'), '--map', 'fines')
  expect([imported.exitCode, imported.stdout.toString().includes('imported 31 events')]).toEqual([0, true])
  const at = (path: string) => fetch(new URL(path, served.url))
  for (const path of ['/balances/S7', '/income/2010-09']) await until(`${path} is served`, async () => (await at(path)).ok)
  expect(await (await at('/income/2010-09')).json()).toMatchObject({ payments: 1, cents: 5_000 })
  expect(run('import', join(import.meta.dir, 'sample.csv'), '--map', './from-csv.ts').stderr.toString()).toContain(
    'there is no map ./from-csv.ts; this app has fines',
  )
  expect(run('export').stdout.toString().split('\n').length).toBe(32)
  expect(await served.stop()).toBe(0)
})
