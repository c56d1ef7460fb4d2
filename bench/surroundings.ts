// What was measured on: printed above the table, because a figure without it says nothing.
import { closeSync, fdatasyncSync, openSync, readFileSync, statfsSync, writeSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import type { Arena } from './contestant.ts'
import type { Plan } from './duel.ts'
import { hasWrk } from './measure/http-load.ts'
import { median } from './measure/statistics.ts'

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_sync_method',
  'shared_buffers',
  'max_wal_size',
  'max_connections',
]
const TMPFS = 0x01021994

export async function surroundings(arena: Arena, { repetitions, sliceMs, warmUpMs }: Plan): Promise<string> {
  return [
    `emaki ${commit()}, Bun ${Bun.version}, ${cpus().length} x ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    await server(arena),
    `disk: fdatasync of 8 KiB takes ${fdatasyncMs(arena.folder).toFixed(2)} ms${onTmpfs(arena) ? '; NOT A DISK but memory (tmpfs)' : ''}`,
    `rivals: ${rivals().join(', ')}`,
    `${repetitions} x ${(sliceMs / 1_000).toFixed(2)} s a row after ${warmUpMs / 1_000} s of warm-up; limit, contestants in random order, limit; medians`,
    hasWrk() ? 'HTTP by wrk' : 'HTTP by sockets of our own, in the process that measures: wrk is missing',
  ].join('\n')
}

function commit(): string {
  const git = (...args: string[]) =>
    Bun.spawnSync(['git', ...args], { cwd: import.meta.dir, stderr: 'ignore' })
      .stdout.toString()
      .trim()
  return `${git('rev-parse', '--short', 'HEAD') || 'without a commit'}${git('status', '--porcelain') ? ' and changes' : ''}`
}

async function server({ server }: Arena): Promise<string> {
  const sql = postgres(server.url, { max: 1 })
  const [{ version }] = (await sql`select current_setting('server_version') as version`) as unknown as [{ version: string }]
  const rows = await sql<{ name: string; setting: string }[]>`
    select name, current_setting(name) as setting from pg_settings where name in ${sql(SETTINGS)} order by name`
  await sql.end()
  return `PostgreSQL ${version}: ${rows.map(({ name, setting }) => `${name}=${setting}`).join(' ')}; SQLite: WAL, synchronous=FULL`
}

function rivals(): string[] {
  const { dependencies } = JSON.parse(readFileSync(join(import.meta.dir, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  return Object.entries(dependencies).map(([name, version]) => `${name} ${version}`)
}

function fdatasyncMs(folder: string): number {
  const file = openSync(join(folder, 'fdatasync'), 'w')
  const block = Buffer.alloc(8_192)
  const times = Array.from({ length: 100 }, (_, i) => {
    writeSync(file, block, 0, block.length, i * block.length)
    const start = performance.now()
    fdatasyncSync(file)
    return performance.now() - start
  })
  closeSync(file)
  return median(times)
}

function onTmpfs({ folder }: Arena): boolean {
  return statfsSync(folder).type === TMPFS
}
