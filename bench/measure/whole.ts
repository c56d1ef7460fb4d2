import type { Sample } from '../contestant.ts'
import { cpuClock } from './cpu.ts'

/** Does work that takes as long as it takes, over so many events: valued by events a second; p50 and p99 are the time of it all. */
export async function whole(postmaster: number | null, work: () => Promise<number>): Promise<Sample> {
  const used = cpuClock(postmaster)
  const start = performance.now()
  const events = await work()
  const ms = performance.now() - start
  const { appUs, serverUs } = used()
  return {
    value: (events * 1_000) / ms,
    p50Ms: ms,
    p99Ms: ms,
    events,
    appUs: appUs / events,
    serverUs: serverUs === null ? null : serverUs / events,
  }
}
