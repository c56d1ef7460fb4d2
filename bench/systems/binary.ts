// W16: the marketplace as one compiled binary, on a SQLite file.
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../src/test-support/servers/free-port.ts'
import type { Arena } from '../contestant.ts'
import { basket } from '../order.ts'

const root = join(import.meta.dir, '../..')

export type Binary = { readonly file: string; readonly megabytes: number }
export type Start = { readonly ms: number; readonly idleMegabytes: number | null }

/** What `bun run build` says. */
const FLAGS = [
  '--compile',
  '--bytecode',
  '--format=esm',
  '--minify',
  '--no-compile-autoload-dotenv',
  '--no-compile-autoload-bunfig',
]

/** Compiles examples/marketplace. */
export async function compile({ folder }: Arena): Promise<Binary> {
  const file = join(folder, 'marketplace')
  const build = Bun.spawn([process.execPath, 'build', ...FLAGS, 'examples/marketplace/main.ts', '--outfile', file], {
    cwd: root,
    stdout: 'ignore',
    stderr: 'pipe',
  })
  if (await build.exited) throw new Error(`the binary could not be built: ${await build.stderr.text()}`)
  return { file, megabytes: statSync(file).size / 1e6 }
}

/** Starts it on a fresh file, asks until an order is durable, and looks at its memory after `idleMs` of nothing. */
export async function start({ file }: Binary, { folder }: Arena, idleMs: number): Promise<Start> {
  const cwd = join(folder, `start-${Bun.randomUUIDv7()}`)
  mkdirSync(cwd)
  const port = freePort()
  const env = { PATH: process.env['PATH'] ?? '', PORT: String(port), HOST: '127.0.0.1', SQLITE_FILE: join(cwd, 'orders.db') }
  const from = performance.now()
  const child = Bun.spawn([file], { cwd, env, stdout: 'ignore', stderr: 'inherit' })
  try {
    await placed(`http://127.0.0.1:${port}/order/first/place`)
    const ms = performance.now() - from
    await Bun.sleep(idleMs)
    return { ms, idleMegabytes: residentMegabytes(child.pid) }
  } finally {
    child.kill('SIGTERM')
    await child.exited
    rmSync(cwd, { recursive: true })
  }
}

const START_MS = 10_000

async function placed(url: string): Promise<void> {
  const body = JSON.stringify(basket())
  const headers = { 'content-type': 'application/json' }
  const until = performance.now() + START_MS
  for (;;) {
    const response = await fetch(url, { method: 'POST', body, headers }).catch(() => null)
    if (response?.status === 201) return
    if (response) throw new Error(`the first order was answered ${response.status}: ${await response.text()}`)
    if (performance.now() > until) throw new Error(`the binary did not answer within ${START_MS} ms`)
    await Bun.sleep(1)
  }
}

function residentMegabytes(pid: number): number | null {
  try {
    const resident = /^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
    return resident && Number(resident[1]) / 1_000
  } catch {
    return null
  }
}
