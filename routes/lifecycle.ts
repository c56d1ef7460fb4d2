// The life of an app: it starts with `start` or its first request, drains, disconnects its followers, and stops.
import type { Config } from '../src/config.ts'
import { type Services, startServices } from '../src/runtime.ts'
import { printReports } from '../src/ports/report/print.ts'
import { untraced } from '../src/ports/trace/trace.ts'
import type { AppOptions } from './app-options.ts'
import { Live } from './events/live.ts'
import { cacheOf, storeOf } from '../src/config.ts'

/** The state of an app between start and stop. */
export type Running = { readonly services: Services | null; readonly live: Live | null; readonly isStopping: boolean }

export type Lifecycle = {
  readonly running: () => Running
  /** Opens the store. A second call gives the same services. */
  readonly start: () => Promise<Services>
  /** From now on `/ready` is 503. */
  readonly drain: () => void
  /** Ends all event streams and WebSockets. Their clients come back to another process. */
  readonly disconnectFollowers: () => void
  /** Disconnects followers, answers the commands that it has received, then closes the store. */
  readonly stop: () => Promise<void>
}

export function lifecycleOf(options: AppOptions, configured: () => Config): Lifecycle {
  let running: Running = { services: null, live: null, isStopping: false }
  let starting: Promise<Services> | null = null

  return {
    running: () => running,
    start: () => {
      starting ??= openServices(options, configured).then(
        services => {
          running = { ...running, services, live: new Live(services, { report: services.report }) }
          return services
        },
        error => {
          // The next request tries again.
          starting = null
          throw error
        },
      )
      return starting
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

async function openServices(options: AppOptions, configured: () => Config): Promise<Services> {
  const config = configured()
  const store = options.store ?? (await storeOf(config))
  const { report = printReports({ least: config.LOG_LEVEL }) } = options
  const cache = options.cache ?? cacheOf(config, report)
  const trace = options.trace ?? options.telemetry?.trace ?? untraced
  return startServices({
    leaseMs: config.LEASE_MS,
    shutdownGraceMs: config.SHUTDOWN_GRACE_MS,
    ...options,
    store,
    trace,
    report,
    ...(cache && { cache }),
  })
}
