import { join } from 'node:path'
import type { Contestant, Sample } from '../contestant.ts'
import { cpuClock } from '../measure/cpu.ts'
import { bareTable } from './bare-table.ts'

const SCRIPT = `insert into events (position, stream, version, id, type, schema, data, meta, at)
values (nextval('positions'), 'order-' || gen_random_uuid(), 1, gen_random_uuid(), 'Placed', 'rAB1cdEf2g', repeat('d', 270), repeat('m', 100), clock_timestamp());
`

/** The same INSERT from C, prepared: what postgres.js and Bun add to it. */
export const pgbench: Contestant = {
  system: 'pgbench',
  open: async arena => {
    const { sql, url, check } = await bareTable(arena, 1)
    const file = join(arena.folder, 'insert.sql')
    await Bun.write(file, SCRIPT)
    let acted = 0
    const run = async (ms: number): Promise<Sample> => {
      const used = cpuClock(arena.server.pid)
      const found = await pgbenchOf(url, file, Math.max(1, Math.round(ms / 1_000)))
      const { serverUs } = used()
      acted += found.transactions
      return {
        value: found.averageMs,
        p50Ms: found.averageMs,
        p99Ms: found.averageMs,
        events: found.transactions,
        appUs: null,
        serverUs: serverUs === null ? null : serverUs / found.transactions,
      }
    }
    return { run, check: () => check(acted), note: () => 'the mean, as pgbench tells no median', close: () => sql.end() }
  },
}

async function pgbenchOf(url: string, file: string, seconds: number): Promise<{ transactions: number; averageMs: number }> {
  const child = Bun.spawn(['pgbench', '-n', '-M', 'prepared', '-c', '1', '-T', String(seconds), '-f', file, url], {
    stderr: 'pipe',
  })
  const [text, error] = await Promise.all([child.stdout.text(), child.stderr.text()])
  const transactions = /actually processed: (\d+)/.exec(text)
  const average = /latency average = ([\d.]+) ms/.exec(text)
  if (!transactions || !average) throw new Error(`pgbench said: ${error}`)
  return { transactions: Number(transactions[1]), averageMs: Number(average[1]) }
}
