// HTTP under load: 64 connections, each asking again as soon as it was answered. By wrk where it is; else by plain sockets.
import { join } from 'node:path'
import type { Load, Loaded } from './load.ts'
import { socketLoad } from './socket-load.ts'

const scripts = join(import.meta.dir, '../wrk')

export function hasWrk(): boolean {
  return Bun.which('wrk') !== null
}

export function httpLoad(load: Load, ms: number): Promise<Loaded> {
  return hasWrk() ? wrk(load, Math.max(1, Math.round(ms / 1_000))) : socketLoad(load, ms)
}

/** Installs wrk where it is missing, we are root and there is apt-get. Without it sockets of our own serve. */
export function provideWrk(): void {
  if (hasWrk() || process.getuid?.() !== 0 || !Bun.which('apt-get')) return
  Bun.spawnSync(['apt-get', 'install', '-y', '--no-install-recommends', 'wrk'], { stdout: 'ignore', stderr: 'ignore' })
}

async function wrk({ port, before, after, body, ids = 0, connections }: Load, seconds: number): Promise<Loaded> {
  const prefix = `${Date.now().toString(36)}-`
  const command = [
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '-s',
    join(scripts, body === null ? 'get.lua' : 'post.lua'),
    `http://127.0.0.1:${port}`,
  ]
  const child = Bun.spawn([...command, '--', ...(body === null ? [before, String(ids)] : [prefix, before, after, body])], {
    stderr: 'pipe',
  })
  const [text, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  const line = text.split('\n').find(line => line.startsWith('{'))
  if (!line) throw new Error(`wrk said: ${error || text}`)
  const { requests, us, p50, p99, failed } = JSON.parse(line) as Record<'requests' | 'us' | 'p50' | 'p99' | 'failed', number>
  return { requests, seconds: us / 1e6, p50Ms: p50 / 1e3, p99Ms: p99 / 1e3, failed }
}
