// The life of an app: it starts with `start` or its first request, drains, disconnects its followers, and stops.
import type { Config } from '../src/config.ts'
import { type Services, startServices } from '../src/runtime.ts'
import { Episode } from '../src/ports/report/episode.ts'
import { StoreError } from '../src/ports/store/errors.ts'
import type { Report } from '../src/ports/report/notice.ts'
import { untraced } from '../src/ports/trace/trace.ts'
import type { AppOptions } from './app-options.ts'
import type { Metrics } from '../src/metrics/registry.ts'
import { Live } from './events/live.ts'
import { cacheOf, storeOf } from '../src/config.ts'

/** The state of an app between start and stop. */
export type Running = {
  readonly services: Services | null
  readonly live: Live | null
  readonly isStopping: boolean
  /** Why the last request could not start the app. */
  readonly startError: unknown
}

export type Lifecycle = {
  readonly running: () => Running
  /** Opens the store. A second call gives the same services. */
  readonly start: () => Promise<Services>
  /** Starts because of a request. A failure is reported once, as the next request tries again. */
  readonly startOnDemand: () => Promise<Services>
  /** From now on `/ready` is 503. */
  readonly drain: () => void
  /** Ends all event streams and WebSockets. Their clients come back to another process. */
  readonly disconnectFollowers: () => void
  /** Disconnects followers, answers the commands that it has received, then closes the store. */
  readonly stop: () => Promise<void>
}

/** What an app has from the beginning, before its store is open. */
export type LifecycleParts = { readonly configured: () => Config; readonly metrics: Metrics; readonly report: Report }

export function lifecycleOf(options: AppOptions, parts: LifecycleParts): Lifecycle {
  let running: Running = { services: null, live: null, isStopping: false, startError: null }
  let starting: Promise<Services> | null = null

  const start = () => {
    starting ??= openServices(options, parts).then(
      services => {
        running = { ...running, services, live: new Live(services, { report: services.report }) }
        return services
      },
      error => {
        starting = null
        throw error
      },
    )
    return starting
  }
  const attempts = new Episode({
    report: parts.report,
    what: 'The app could not start',
    mend: 'Look at its configuration and its store.',
  })
  let onDemand: Promise<Services> | null = null

  return {
    running: () => running,
    start,
    startOnDemand: () => {
      onDemand ??= start().then(
        services => {
          attempts.succeed()
          return services
        },
        error => {
          onDemand = null
          attempts.fail(error)
          running = { ...running, startError: error }
          throw error instanceof StoreError ? retryable(error) : error
        },
      )
      return onDemand
    },
    drain: () => {
      running = { ...running, isStopping: true }
    },
    disconnectFollowers: () => running.live?.stop(),
    stop: async () => {
      try {
        running.live?.stop()
        await (await starting)?.close()
      } finally {
        await options.telemetry?.shutdown()
      }
    },
  }
}

/** A database that is refused now may be mended. For a request that is a reason to come again. */
function retryable(error: StoreError): StoreError {
  return new StoreError('unavailable', error.message, { cause: error, shown: error.shown ?? undefined })
}

async function openServices(options: AppOptions, { configured, metrics, report }: LifecycleParts): Promise<Services> {
  const config = configured()
  const store = options.store ?? (await storeOf(config))
  const cache = options.cache ?? cacheOf(config, report)
  const trace = options.trace ?? options.telemetry?.trace ?? untraced
  return startServices({
    leaseMs: config.LEASE_MS,
    shutdownGraceMs: config.SHUTDOWN_GRACE_MS,
    unreadableEvents: config.SERVE_UNREADABLE_EVENTS ? 'serve' : 'refuse',
    refusals: config.REFUSALS,
    ...options,
    store,
    trace,
    report,
    metrics,
    ...(cache && { cache }),
  })
}
