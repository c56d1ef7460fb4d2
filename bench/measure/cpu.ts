// CPU time of this process, of its children and of PostgreSQL. Others' is read from /proc, so only Linux tells it.
import { existsSync, readFileSync } from 'node:fs'
import { childProcesses } from '../../src/test-support/servers/child-processes.ts'

/** What /proc counts in. It is 100 a second on all that Bun runs on. */
const TICK_US = 10_000

export type CpuUsed = { readonly appUs: number; readonly serverUs: number | null }

/** Starts to count; the function it gives tells what was used since. `apps` are processes that belong to the client's side. */
export function cpuClock(postmaster: number | null, apps: readonly number[] = []): () => CpuUsed {
  const own = process.cpuUsage()
  const appsBefore = sumUs(apps)
  const before = postmaster === null ? null : serverUs(postmaster)
  return () => {
    const { user, system } = process.cpuUsage(own)
    const after = postmaster === null ? null : serverUs(postmaster)
    return {
      appUs: apps.length ? sumUs(apps) - appsBefore : user + system,
      serverUs: before === null || after === null ? null : Math.max(0, after - before),
    }
  }
}

function serverUs(postmaster: number): number | null {
  return existsSync('/proc/self/stat') ? sumUs([postmaster, ...childProcesses(postmaster)]) : null
}

function sumUs(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + processUs(pid), 0)
}

function processUs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) * TICK_US
  } catch {
    return 0
  }
}
