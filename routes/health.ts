// Liveness needs nothing else; readiness asks the store whether it takes commands, at most once a second.
import type { Context, Handler } from 'hono'
import { settleWithin } from '../src/lib/deadline.ts'
import type { Services } from '../src/runtime.ts'
import { StoreError } from '../src/ports/store/errors.ts'
import type { Status } from '../src/subscription/status.ts'
import type { Lifecycle } from './lifecycle.ts'
import { problem } from './http/problem.ts'

const CHECK_EVERY_MS = 1_000
const CHECK_TIMEOUT_MS = 1_000
const NO_ANSWER = 'the store does not answer'

/** `GET /health`: answers 200 for as long as the process runs. */
export const health: Handler = c => c.json({ status: 'pass' }, 200, { 'Cache-Control': 'no-store' })

/**
 * `GET /ready` and `/startup`. They answer 503 while the app starts, while it stops, and while the store takes no
 * command; `detail` says why. `/ready` also answers 503 until every projection has rows.
 * It starts an app that was not started: before an app is ready, no other request reaches it.
 */
export function ready({ running, startOnDemand }: Lifecycle, asksRows: boolean): Handler {
  const readiness = new CheckedReadiness()
  const refuse = (c: Context, detail: string, checks?: object) =>
    problem(c, 'not-ready', { detail, ...(checks && { checks }) }, { 'Retry-After': '1' })
  return async c => {
    const { services, isStopping, startError } = running()
    if (!services && !isStopping) startOnDemand().catch(() => {})
    if (!services || isStopping) return refuse(c, isStopping ? 'stopping' : startingText(startError))
    const found = await readiness.read(services)
    if ('refusal' in found) return refuse(c, found.refusal)
    const checks = checksOf(services, found.status)
    if (asksRows && !services.subscriptions.isReady) return refuse(c, 'rows are still being made', checks)
    return c.json({ ...summaryOf(found.status), checks }, 200, { 'Cache-Control': 'no-store' })
  }
}

/** What is parked takes no node out of rotation, as the others would have it parked too. So it is only said. */
function summaryOf(found: readonly Status[]): object {
  const parked = found.filter(hasParked).map(({ name }) => name)
  const isWell = found.every(status => !needsCare(status))
  return { status: isWell ? 'pass' : 'warn', ...(parked.length && { parked }) }
}

function hasParked({ parkedKeys, parkedStreams }: Status): boolean {
  return parkedKeys + parkedStreams > 0
}

function needsCare(status: Status): boolean {
  return hasParked(status) || status.retrying > 0 || status.isPaused || status.failure !== null
}

/** Why the app has not started yet, as far as anybody may see it. */
function startingText(error: unknown): string {
  return error instanceof StoreError && error.shown !== null ? `starting: ${error.shown}` : 'starting'
}

/** The status of all subscriptions, or why no command can be taken. */
type Readiness = { readonly status: readonly Status[] } | { readonly refusal: string }

/** The readiness of an app, at most a second old, or since there are rows to serve. */
class CheckedReadiness {
  #found: Readiness = { refusal: NO_ANSWER }
  #isReady = false
  #at = Number.NEGATIVE_INFINITY

  async read({ health, subscriptions }: Services): Promise<Readiness> {
    if (performance.now() - this.#at <= CHECK_EVERY_MS && this.#isReady === subscriptions.isReady) return this.#found
    this.#isReady = subscriptions.isReady
    const reading = health.check().then(() => subscriptions.servedStatus())
    this.#found = await settleWithin(CHECK_TIMEOUT_MS, reading, () => new Error('late')).then(
      status => ({ status }),
      (error: unknown) => ({ refusal: (error instanceof StoreError && error.shown) || NO_ANSWER }),
    )
    this.#at = performance.now()
    return this.#found
  }
}

function checksOf({ store }: Services, status: readonly Status[]): object {
  const checks = (kind: Status['definition']['kind']) => status.filter(({ definition }) => definition.kind === kind).map(checkOf)
  const all = {
    store: [{ componentType: 'datastore', status: 'pass', system: store.system }],
    projections: checks('projection'),
    processors: checks('processor'),
    sqlProjections: checks('sql-projection'),
    processes: checks('process'),
    schedules: checks('schedule'),
  }
  return Object.fromEntries(Object.entries(all).filter(([, found]) => found.length > 0))
}

/** A projection serves its rows even if keys are parked, or if it is behind. */
function checkOf(found: Status): object {
  const { definition, isServing, isPaused, passedOver, failure, ...rest } = found
  const { position, lagEvents, lagSeconds, parkedKeys, parkedStreams, retrying } = rest
  const status = !isServing ? 'fail' : needsCare(found) ? 'warn' : 'pass'
  const isSchedule = definition.kind === 'schedule'
  const counts = isSchedule ? {} : { position, lagEvents, lagSeconds, parkedKeys, parkedStreams, retrying }
  const own = {
    ...(definition.kind === 'process' && { passedOver }),
    ...(isPaused && { isPaused }),
    ...(failure !== null && { failure }),
  }
  return { componentType: 'component', status, name: definition.name, ...counts, ...own }
}
