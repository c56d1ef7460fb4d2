// load: many users at a server, and the latency that they see.
import { type Duration, milliseconds } from '../../definitions/event/duration.ts'
import { LatencyHistogram } from './histogram.ts'
import { runLoad, type LoadSchedule } from './run-load.ts'
import type { Journey, Step } from './user.ts'

/** How late the generator may wake up at p99, in ms, so that its figures count. */
const LAG_MAX_MS = 10
/** How much of a core the generator may use. It has one thread. */
const CPU_MAX = 0.9

/** `at`: the URL of the server. `for`: how long journeys begin. */
export type LoadOptions = { readonly at: string; readonly for: Duration } & (
  | { readonly users: number; readonly think: Duration }
  | { readonly rate: number }
)

/** One step: its latencies from when it was due, its p99 from when it was sent, and its answers by outcome. */
export type StepReport = {
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly serviceP99Ms: number
  readonly outcomes: Readonly<Record<string, number>>
}

/**
 * `rate`: journeys a second. `errors`: the share of steps. `cpu`: of the generator, 1 for one core. `isUndecided`: the
 * generator itself was the limit.
 */
export type LoadReport = {
  readonly rate: number
  readonly journeys: number
  readonly steps: Readonly<Record<string, StepReport>>
  readonly errors: number
  readonly lagP99Ms: number
  readonly cpu: number
  readonly isUndecided: boolean
}

/**
 * Begins journeys by a fixed schedule, in turn, and resolves when all are over. Throws a TypeError for options that
 * cannot be, and the error of a journey that throws one.
 */
export async function load(journeys: readonly Journey[], options: LoadOptions): Promise<LoadReport> {
  if (journeys.length === 0) throw new TypeError('load takes at least one journey')
  const schedule = scheduleOf(options)
  const tally = new StepTallies()
  const now = () => performance.now()
  const ask = (path: string, init: RequestInit) => fetch(new URL(path, options.at), { ...init, redirect: 'manual' })
  const sleepUntil = (time: number) => Bun.sleep(Math.max(0, time - now()))
  const [startedAt, usedBefore] = [now(), process.cpuUsage()]
  const { lag, began, failures } = await runLoad(journeys, schedule, { now, ask, sleepUntil }, step => tally.add(step))
  if (failures.length) throw failures[0]
  const used = process.cpuUsage(usedBefore)
  const lagP99Ms = lag.quantile(0.99)
  const cpu = (used.user + used.system) / 1_000 / (now() - startedAt)
  return {
    ...{ rate: schedule.rate, journeys: began, steps: tally.report(), errors: tally.errors() },
    ...{ lagP99Ms, cpu, isUndecided: isLimit(lagP99Ms, cpu) },
  }
}

/** Whether the generator itself was the limit, so that its figures say little of the server. */
export function isLimit(lagP99Ms: number, cpu: number): boolean {
  return lagP99Ms > LAG_MAX_MS || cpu > CPU_MAX
}

function scheduleOf(options: LoadOptions): LoadSchedule {
  const users = 'users' in options ? options.users : null
  if (users !== null && !(Number.isInteger(users) && users > 0))
    throw new TypeError(`users takes a whole number from 1; found ${users}`)
  const rate = 'users' in options ? (options.users * 1_000) / milliseconds(options.think) : options.rate
  if (!(rate > 0 && rate < Number.POSITIVE_INFINITY)) throw new TypeError(`the rate has to be above 0; found ${rate}`)
  return { users, rate, ms: milliseconds(options.for) }
}

type StepTally = {
  readonly latency: LatencyHistogram
  readonly service: LatencyHistogram
  readonly outcomes: Map<string, number>
}

/** Steps by their names. */
export class StepTallies {
  readonly #steps = new Map<string, StepTally>()
  #count = 0
  #errors = 0

  add({ name, outcome, isError, latencyMs, serviceMs }: Step): void {
    const step = this.#steps.get(name) ?? {
      latency: new LatencyHistogram(),
      service: new LatencyHistogram(),
      outcomes: new Map(),
    }
    this.#steps.set(name, step)
    step.latency.add(latencyMs)
    step.service.add(serviceMs)
    step.outcomes.set(outcome, (step.outcomes.get(outcome) ?? 0) + 1)
    this.#count++
    if (isError) this.#errors++
  }

  errors(): number {
    return this.#count === 0 ? 0 : this.#errors / this.#count
  }

  report(): Readonly<Record<string, StepReport>> {
    return Object.fromEntries([...this.#steps].map(([name, step]) => [name, reportOf(step)]))
  }
}

function reportOf({ latency, service, outcomes }: StepTally): StepReport {
  return {
    ...{ count: latency.count, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99), maxMs: latency.quantile(1) },
    ...{ serviceP99Ms: service.quantile(0.99), outcomes: Object.fromEntries(outcomes) },
  }
}
