// Liveness needs nothing else; readiness asks the store whether it takes commands, at most once a second.
import type { Context, Handler, MiddlewareHandler } from 'hono'
import { settleWithin } from '../../src/lib/deadline.ts'
import type { Services } from '../../src/runtime.ts'
import { StoreError } from '../../src/ports/store/errors.ts'
import type { Status } from '../../src/subscription/status.ts'
import { problem } from '../http/problem.ts'
import type { Lifecycle } from '../lifecycle.ts'
import { checksOf, hasParked, needsCare } from './checks.ts'
import type { HealthDetails } from './details.ts'
import type { CheckResult, OwnChecks } from './own-checks.ts'

const CHECK_EVERY_MS = 1_000
const CHECK_TIMEOUT_MS = 1_000
const NO_ANSWER = 'the store does not answer'
const NO_STORE = { 'Cache-Control': 'no-store' }

/** `GET /health`: answers 200 for as long as the process runs. */
export const health: Handler = c => c.json({ status: 'pass' }, 200, NO_STORE)

export type ReadyOptions = {
  readonly lifecycle: Lifecycle
  readonly ownChecks: OwnChecks
  readonly details: HealthDetails
}

/**
 * `GET /ready`. It answers 503 while the app starts, while it stops, while the store takes no command, while a required
 * check of the app fails, and until every projection has rows; `detail` says why. With `?verbose` it lists every part.
 * It starts an app that was not started: before an app is ready, no other request reaches it.
 */
export function ready(options: ReadyOptions): Handler {
  const readiness = new CheckedReadiness()
  const { ownChecks, details } = options
  return async c => {
    const started = startedOf(options.lifecycle)
    const isVerbose = asksDetails(c)
    if (typeof started === 'string') return refuse(c, started, isVerbose ? { failing: details.failing } : {})
    const reading = [readiness.read(started), isVerbose ? ownChecks.readAll() : ownChecks.readRequired()] as const
    const [found, own] = await Promise.all(reading)
    const status = 'status' in found ? found.status : null
    if (status) details.see(status)
    const refusal = 'refusal' in found ? found.refusal : (failingText(own) ?? rowsText(started))
    const shown = isVerbose
      ? await details.describe({ services: started, status, own })
      : status && { checks: { ...checksOf(started, status), ...ownShown(own) } }
    if (refusal !== null) return refuse(c, refusal, { ...shown })
    return c.json({ ...summaryOf(status!, started, own), ...shown }, 200, NO_STORE)
  }
}

/** `GET /startup`: as `/ready`, but rows and checks of the app may be missing. */
export function startup({ lifecycle }: Pick<ReadyOptions, 'lifecycle'>): Handler {
  const readiness = new CheckedReadiness()
  return async c => {
    const started = startedOf(lifecycle)
    if (typeof started === 'string') return refuse(c, started)
    const found = await readiness.read(started)
    if ('refusal' in found) return refuse(c, found.refusal)
    return c.json({ ...summaryOf(found.status, started), checks: checksOf(started, found.status) }, 200, NO_STORE)
  }
}

/** Lets only those see the details of `/ready?verbose` who may read the log. */
export function guardDetails(checkAccess: MiddlewareHandler): MiddlewareHandler {
  return (c, next) => (asksDetails(c) ? checkAccess(c, next) : next())
}

function asksDetails(c: Context): boolean {
  return c.req.query('verbose') !== undefined
}

function refuse(c: Context, detail: string, shown: object = {}): Response {
  return problem(c, 'not-ready', { detail, ...shown }, { 'Retry-After': '1' })
}

/** The services of an app that runs, or why it does not. An app that nobody has started is started. */
function startedOf({ running, startOnDemand }: Lifecycle): Services | string {
  const { services, isStopping, startError } = running()
  if (!services && !isStopping) startOnDemand().catch(() => {})
  if (isStopping) return 'stopping'
  return services ?? startingText(startError)
}

/** Why the app has not started yet, as far as anybody may see it. */
function startingText(error: unknown): string {
  return error instanceof StoreError && error.shown !== null ? `starting: ${error.shown}` : 'starting'
}

function rowsText({ subscriptions }: Services): string | null {
  return subscriptions.isReady ? null : 'rows are still being made'
}

function failingText(own: readonly CheckResult[]): string | null {
  const failing = own.filter(({ isRequired, error }) => isRequired && error !== null).map(({ name }) => name)
  return failing.length ? `checks of the app fail: ${failing.join(', ')}` : null
}

/** The checks of the app as everybody sees them: without the text of an error. */
function ownShown(own: readonly CheckResult[]): object {
  const shown = own.map(({ name, error }) => ({ componentType: 'component', status: error === null ? 'pass' : 'fail', name }))
  return shown.length ? { own: shown } : {}
}

/** What is parked, or breaks a promise, takes no node out of rotation, as the others have it too. So it is only said. */
function summaryOf(found: readonly Status[], { promises }: Services, own: readonly CheckResult[] = []): object {
  const parked = found.filter(hasParked).map(({ name }) => name)
  const isKept = promises.counts().every(({ breaches }) => breaches === 0)
  const isWell = isKept && found.every(status => !needsCare(status)) && own.every(({ error }) => error === null)
  return { status: isWell ? 'pass' : 'warn', ...(parked.length && { parked }) }
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
