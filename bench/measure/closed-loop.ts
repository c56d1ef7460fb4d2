import type { Sample } from '../contestant.ts'
import { cpuClock } from './cpu.ts'
import { Latencies } from './latencies.ts'

export type Driven = {
  /** Does the work once; resolves when it is durable, throws when it did not happen. */
  readonly act: () => Promise<unknown>
  readonly callers: number
  /** How many events one act stores. */
  readonly events: number
  readonly postmaster: number | null
}

/** So many callers, each asking again as soon as it was answered. Resolves when all were answered. */
export async function closedLoop({ act, callers, events, postmaster }: Driven, ms: number): Promise<Sample> {
  const latencies = new Latencies()
  const used = cpuClock(postmaster)
  const start = performance.now()
  const end = start + ms
  const call = async () => {
    for (let sent = performance.now(); sent < end; ) {
      await act()
      const answered = performance.now()
      latencies.add(answered - sent)
      sent = answered
    }
  }
  const ended = await Promise.allSettled(Array.from({ length: callers }, call))
  const failed = ended.find(one => one.status === 'rejected')
  if (failed) throw failed.reason
  const seconds = (performance.now() - start) / 1_000
  return sampleOf(latencies, events, seconds, used())
}

function sampleOf(latencies: Latencies, each: number, seconds: number, used: ReturnType<ReturnType<typeof cpuClock>>): Sample {
  const [p50Ms, p99Ms] = latencies.quantiles(0.5, 0.99) as [number, number]
  const events = latencies.count * each
  return {
    value: events / seconds,
    p50Ms,
    p99Ms,
    events,
    appUs: used.appUs / events,
    serverUs: used.serverUs === null ? null : used.serverUs / events,
  }
}
