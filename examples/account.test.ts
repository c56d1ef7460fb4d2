// The README's forty lines, as a process that is killed. What they answer is in curl.test.ts.
import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServedProcess, serveProcess } from '../src/test-support/served-process.ts'
import { ROOT } from './testing/pages.ts'

const folder = mkdtempSync(join(tmpdir(), 'emaki-account-'))
let served: ServedProcess
beforeAll(async () => {
  served = await serveProcess([process.execPath, join(ROOT, 'examples/account.ts')], { SQLITE_FILE: join(folder, 'log.db') })
})
afterAll(async () => {
  await served.stop()
  rmSync(folder, { recursive: true })
})

test('an account has, after kill -9, every deposit that was answered before', async () => {
  await post('/account/a2/open', { owner: 'Grace' })
  await post('/account/a2/deposit', { cents: 700 })
  await served.crash()
  expect(await (await fetch(`${served.url}/account/a2`)).json()).toEqual({ owner: 'Grace', cents: 700 })
})

async function post(path: string, body: object): Promise<void> {
  const headers = { 'Content-Type': 'application/json' }
  const { status } = await fetch(`${served.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  expect(status).toBeLessThan(300)
}
