import type { Contestant, Sample } from '../contestant.ts'
import { cpuClock } from '../measure/cpu.ts'
import { median } from '../measure/statistics.ts'
import { checkLog } from './check-log.ts'
import { extrasOf, HOT, placed, type Tally } from './hot-stream.ts'
import { asked } from './served.ts'

type Answer = { readonly sample: Sample; readonly tally: Tally }

/** Several processes with so many callers each, all on one stream, or with `apart` on a stream each. */
export function severalProcesses(
  processes: number,
  callers: number,
  { apart = false }: { readonly apart?: boolean } = {},
): Contestant {
  const ids = Array.from({ length: processes }, (_, i) => (apart ? `${HOT}${i}` : HOT))
  return {
    system: 'emaki',
    open: async arena => {
      const url = await placed(arena, [...new Set(ids)])
      const children = await Promise.all(ids.map(id => asked<{ ms: number }, Answer>('hot-stream', [url, String(callers), id])))
      let tally: Tally = { acked: 0, conflicts: 0, attempts: 0 }
      const run = async (ms: number): Promise<Sample> => {
        const used = cpuClock(arena.server.pid)
        const answers = await Promise.all(children.map(({ ask }) => ask({ ms })))
        tally = sumOf(answers.map(({ tally }) => tally))
        return together(
          answers.map(({ sample }) => sample),
          used().serverUs,
        )
      }
      return {
        run,
        check: () => checkLog(url, tally.acked + new Set(ids).size),
        extras: () => extrasOf(tally),
        close: async () => {
          await Promise.all(children.map(({ end }) => end()))
        },
      }
    },
  }
}

function sumOf(tallies: readonly Tally[]): Tally {
  const sum = (pick: (tally: Tally) => number) => tallies.reduce((sum, tally) => sum + pick(tally), 0)
  return {
    acked: sum(({ acked }) => acked),
    conflicts: sum(({ conflicts }) => conflicts),
    attempts: sum(({ attempts }) => attempts),
  }
}

/** Rates add up; of latencies the median and the worst process count. */
function together(samples: readonly Sample[], serverUs: number | null): Sample {
  const events = samples.reduce((sum, { events }) => sum + events, 0)
  return {
    value: samples.reduce((sum, { value }) => sum + value, 0),
    p50Ms: median(samples.map(({ p50Ms }) => p50Ms)),
    p99Ms: Math.max(...samples.map(({ p99Ms }) => p99Ms)),
    events,
    appUs: samples.reduce((sum, { appUs, events }) => sum + appUs! * events, 0) / events,
    serverUs: serverUs === null ? null : serverUs / events,
  }
}
