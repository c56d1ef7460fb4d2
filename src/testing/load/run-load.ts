// Begins journeys by a fixed schedule. A slow answer moves no later due time, and latency counts from the due time: so
// no wait is left out, as it is where a client waits for one answer before it times the next (coordinated omission).
import { LatencyHistogram } from './histogram.ts'
import { type Journey, type LoadWorld, loadUser, NoAnswer, type Step } from './user.ts'

export type LoadClock = LoadWorld & {
  /** Resolves at a time of `now`, or at once when it is over. */
  readonly sleepUntil: (time: number) => Promise<void>
}

export type LoadSchedule = {
  /** Users in a closed load; null in an open load, where each journey has a user of its own. */
  readonly users: number | null
  /** Journeys a second. */
  readonly rate: number
  readonly ms: number
}

/** Calls back for each step. Gives how late the generator itself was, and what journeys threw. */
export async function runLoad(
  journeys: readonly Journey[],
  { users, rate, ms }: LoadSchedule,
  clock: LoadClock,
  onStep: (step: Step) => void,
): Promise<{ readonly lag: LatencyHistogram; readonly began: number; readonly failures: readonly unknown[] }> {
  const start = clock.now()
  const gap = 1_000 / rate
  const total = Math.max(1, Math.floor((ms * rate) / 1_000))
  const lag = new LatencyHistogram()
  const failures: unknown[] = []
  const begin = async (index: number, due: number) => {
    try {
      await journeys[index % journeys.length]!(loadUser(clock, due, onStep))
    } catch (error) {
      if (!(error instanceof NoAnswer)) failures.push(error)
    }
  }
  const awaitDue = async (due: number) => {
    // A user who is late was waiting for an answer. In an open load only the generator can be late.
    if (users !== null && clock.now() > due) return
    if (clock.now() < due) await clock.sleepUntil(due)
    lag.add(Math.max(0, clock.now() - due))
  }
  /** Begins every `step`th journey from `first` on. */
  const follow = async (first: number, step: number, isWaiting: boolean) => {
    const running: Promise<void>[] = []
    for (let index = first; index < total; index += step) {
      const due = start + index * gap
      await awaitDue(due)
      const journey = begin(index, due)
      if (isWaiting) await journey
      else running.push(journey)
    }
    await Promise.all(running)
  }
  if (users === null) await follow(0, 1, false)
  else await Promise.all(Array.from({ length: users }, (_, user) => follow(user, users, true)))
  return { lag, began: total, failures }
}
