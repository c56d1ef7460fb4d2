import { Hono } from 'hono'
import type { App, AppControl } from '../../routes/app.ts'
import { BODY_SIZE_MAX } from '../../routes/http/body-limit.ts'
import { serveMetrics } from '../../routes/metrics.ts'
import type { Site } from '../../routes/site.ts'
import { type Config, printingOf } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { printReports } from '../ports/report/print.ts'
import { EXIT } from './exit-codes.ts'
import { type Logger, logger } from './log.ts'
import { textOf, type Verb } from './verb.ts'
import { WORKER, workers } from './workers.ts'

export const serveVerb: Verb = {
  does: 'serve until SIGTERM or SIGINT (the default verb)',
  options: { workers: { takes: 'N', does: 'N processes on one port; PostgreSQL only' } },
  run: ({ app, site, config, values }) => {
    const many = textOf(values, 'workers')
    return many === undefined ? serve(app, site, config) : workers(config, many)
  },
}

/** How long a connection may be silent, in seconds. The time of a handler counts too. */
const IDLE_TIMEOUT_S = 60
/** How long running requests may take to end after a signal, in ms. */
export const STOP_DEADLINE_MS = 10_000

type HotServer = { readonly server: Bun.Server<unknown>; control: AppControl }
/** State that `bun --hot` keeps between evaluations: the socket stays open, and the log's file is passed on. */
const hotState = globalThis as { [serving]?: HotServer }
const serving: unique symbol = Symbol.for('emaki.serving') as never

/** Whether an earlier evaluation of the source already serves in this process. */
export function isServing(): boolean {
  return hotState[serving] !== undefined
}

/**
 * Serves an app until SIGTERM or SIGINT. Then, in this order:
 *
 * 1. `/ready` is 503, and requests are still served for the shutdown delay.
 * 2. Followers of events are disconnected.
 * 3. No new connections are accepted, and running requests end, within 10 s.
 * 4. Handlers of events end, within the shutdown grace. Those that do not are given up: another process handles their
 *    events again.
 * 5. Telemetry is flushed, and the log is closed.
 *
 * A second signal ends the process at once.
 */
async function serve(app: App, site: Site, config: Config): Promise<number> {
  const log = logger(config)
  const control = app[spec]
  // After a change that fails, the process of `bun --hot` waits for the next change.
  if (!process.execArgv.includes('--hot')) endOnStrayErrors(control.options.report ?? printReports(printingOf(config)))
  const before = hotState[serving]
  await before?.control.stop()
  const { store } = await control.start()
  if (before) {
    before.control = control
    before.server.reload({ fetch: site.fetch, websocket: app.websocket })
    log('info', 'reloaded')
    return new Promise(() => {})
  }
  const server = Bun.serve({
    fetch: site.fetch,
    websocket: app.websocket,
    port: config.PORT,
    hostname: config.HOST,
    development: false,
    idleTimeout: IDLE_TIMEOUT_S,
    reusePort: process.env[WORKER] !== undefined,
    maxRequestBodySize: BODY_SIZE_MAX,
  })
  const scraped = serveScrapes(control, config)
  hotState[serving] = { server, control }
  if (scraped) log('info', `metrics on ${address(scraped)}`, { url: scraped.url.href })
  log('info', `serving on ${address(server)}`, { url: server.url.href, store: store.system, pid: process.pid })
  await awaitSignal(log)
  const code = await stop(hotState[serving], config, log)
  await scraped?.stop(true)
  return code
}

/** Serves the metrics alone, to everybody who reaches METRICS_PORT. Each worker has a port of its own: the next ones. */
function serveScrapes({ metrics }: AppControl, { METRICS_PORT, HOST }: Config): Bun.Server<unknown> | null {
  if (METRICS_PORT === undefined) return null
  const port = METRICS_PORT === 0 ? 0 : METRICS_PORT + Number(process.env[WORKER] ?? 0)
  const scrapes = new Hono().get('/metrics', serveMetrics(metrics))
  return Bun.serve({ fetch: scrapes.fetch, port, hostname: HOST, development: false })
}

/** Ends the process at an error that nobody caught. It is one record, and no line of it is source. */
function endOnStrayErrors(report: Report): void {
  const end = (cause: unknown) => {
    const message = `An error that nobody caught ends the process: ${cause instanceof Error ? cause.message : Bun.inspect(cause)}`
    report(new Notice({ level: 'error', code: 'error-not-caught', message, cause }))
    process.exit(EXIT.PROBLEM)
  }
  process.on('uncaughtException', end).on('unhandledRejection', end)
}

async function stop({ server, control }: HotServer, config: Config, log: Logger): Promise<number> {
  control.drain()
  await Bun.sleep(config.SHUTDOWN_DELAY_MS)
  control.disconnectFollowers()
  await Promise.race([server.stop(), Bun.sleep(STOP_DEADLINE_MS)])
  await server.stop(true)
  await control.stop()
  log('info', 'stopped')
  return 0
}

function awaitSignal(log: Logger): Promise<void> {
  return new Promise(resolve => {
    let again = false
    if (process.env[WORKER] !== undefined) process.stdin.on('end', () => process.kill(process.pid, 'SIGTERM')).resume()
    for (const [signal, code] of [
      ['SIGTERM', EXIT.TERMINATED],
      ['SIGINT', EXIT.INTERRUPTED],
    ] as const) {
      process.on(signal, () => {
        if (again) process.exit(code)
        again = true
        log('info', `stopping on ${signal}`)
        resolve()
      })
    }
  })
}

/** An address to click: 0.0.0.0 stands for every address of this machine, and localhost is one of them. */
function address(server: Bun.Server<unknown>): string {
  return server.url.href.replace('0.0.0.0', 'localhost')
}
