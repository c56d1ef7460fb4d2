import type { Contestant, Entrant } from '../contestant.ts'
import { closedLoop, type Driven } from './closed-loop.ts'
import { openLoop } from './open-loop.ts'
import { median } from './statistics.ts'

/** What is acted on in this process: driven in both ways. */
export function driven(work: Driven, rest: Pick<Entrant, 'check' | 'close' | 'note' | 'extras'>): Entrant {
  return { run: ms => closedLoop(work, ms), pace: (rate, ms) => openLoop(work, rate, ms), ...rest }
}

/** The same contestant, valued by how long the median act takes in a closed loop, in ms. */
export function valuedByMedian({ system, open }: Contestant): Contestant {
  return {
    system,
    open: async arena => {
      const { pace: _, ...entrant } = await open(arena)
      const run = async (ms: number) => {
        const sample = await entrant.run(ms)
        return { ...sample, value: sample.p50Ms }
      }
      return { ...entrant, run }
    },
  }
}

/** The same contestant, valued by how long the median act takes at a rate of events a second, in ms. */
export function valuedAtRate(rate: number, { system, open }: Contestant): Contestant {
  return {
    system,
    open: async arena => {
      const { pace, ...entrant } = await open(arena)
      const run = async (ms: number) => {
        const latency = await pace!(rate, ms)
        return { ...latency, value: latency.p50Ms, events: 0, appUs: null, serverUs: null }
      }
      return { ...entrant, run }
    },
  }
}

/** The same contestant, with a remark where it is below a rate that it ought to have on any machine. */
export function floored(rate: number, { system, open }: Contestant): Contestant {
  return {
    system,
    open: async arena => {
      const entrant = await open(arena)
      const values: number[] = []
      const run = async (ms: number) => {
        const sample = await entrant.run(ms)
        values.push(sample.value)
        return sample
      }
      const note = () =>
        // The first is the warm-up.
        [median(values.slice(1)) < rate ? `UNDER ${rate.toLocaleString('en')} a second` : '', entrant.note?.() ?? '']
          .filter(Boolean)
          .join('; ')
      return { ...entrant, run, note }
    },
  }
}
