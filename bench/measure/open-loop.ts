import type { Latency } from '../contestant.ts'
import type { Driven } from './closed-loop.ts'
import { Latencies } from './latencies.ts'

/**
 * Acts on a fixed schedule, however slow the answers are, and takes latency from when each act was due: what a slow answer delays
 * counts. Between acts it goes round the event loop instead of sleeping, because timers are late by up to 1 ms.
 */
export async function openLoop({ act, events }: Driven, rate: number, ms: number): Promise<Latency> {
  const latencies = new Latencies()
  const failures: unknown[] = []
  const gap = (1_000 * events) / rate
  const total = Math.max(1, Math.floor(ms / gap))
  const start = performance.now()
  let asked = 0
  let answered = 0
  const ask = async (due: number) => {
    try {
      await act()
      latencies.add(performance.now() - due)
    } catch (error) {
      failures.push(error)
    }
    answered++
  }
  while (answered < total) {
    const due = Math.min(total, Math.floor((performance.now() - start) / gap) + 1)
    while (asked < due) void ask(start + asked++ * gap)
    await new Promise(setImmediate)
  }
  if (failures.length) throw failures[0]
  const [p50Ms, p99Ms] = latencies.quantiles(0.5, 0.99) as [number, number]
  return { p50Ms, p99Ms }
}
