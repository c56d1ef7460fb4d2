import type { App, AppControl } from '../../routes/app.ts'
import type { Config } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { EXIT } from './exit-codes.ts'
import { type Logger, logger } from './log.ts'
import { textOf, type Verb } from './verb.ts'
import { WORKER, workers } from './workers.ts'

export const serveVerb: Verb = {
  does: 'serve until SIGTERM or SIGINT (what happens without a verb)',
  options: { workers: { takes: 'N', does: 'N processes on one port; PostgreSQL only' } },
  run: ({ app, config, values }) => {
    const many = textOf(values, 'workers')
    return many === undefined ? serve(app, config) : workers(config, many)
  },
}

/** How long a connection may be silent, in seconds; a handler's own time counts. */
const IDLE_TIMEOUT_S = 60
/** How long requests that are under way may take to end after a signal. */
const STOP_DEADLINE_MS = 10_000

type Serving = { readonly server: Bun.Server<unknown>; control: AppControl }
/** What `bun --hot` keeps of one evaluation for the next: the socket stays open, and the log's file is handed over. */
const kept = globalThis as { [serving]?: Serving }
const serving: unique symbol = Symbol.for('emaki.serving') as never

/** Whether this process serves already, an evaluation of its source ago. */
export function isServing(): boolean {
  return kept[serving] !== undefined
}

/**
 * Serves an app until SIGTERM or SIGINT. Then, in this order: `/ready` is 503 while requests go on being served for the shutdown delay;
 * followers of events are disconnected; no new connections; requests under way end, at most 10 s; telemetry is flushed; the log is closed. A second signal ends it at once.
 */
async function serve(app: App, config: Config): Promise<number> {
  const log = logger(config.LOG_LEVEL)
  const control = app[spec]
  const before = kept[serving]
  await before?.control.stop()
  const { store } = await control.start()
  if (before) {
    before.control = control
    before.server.reload({ fetch: app.fetch, websocket: app.websocket })
    log('info', 'reloaded')
    return new Promise(() => {})
  }
  const server = Bun.serve({
    fetch: app.fetch,
    websocket: app.websocket,
    port: config.PORT,
    hostname: config.HOST,
    development: false,
    idleTimeout: IDLE_TIMEOUT_S,
    reusePort: process.env[WORKER] !== undefined,
    maxRequestBodySize: 128 * 1_048_576,
  })
  kept[serving] = { server, control }
  log('info', `serving on ${address(server)}`, { url: server.url.href, store: store.system, pid: process.pid })
  await stopped(log)
  return stop(kept[serving], config, log)
}

async function stop({ server, control }: Serving, config: Config, log: Logger): Promise<number> {
  control.drain()
  await Bun.sleep(config.SHUTDOWN_DELAY_MS)
  control.disconnectFollowers()
  await Promise.race([server.stop(), Bun.sleep(STOP_DEADLINE_MS)])
  await server.stop(true)
  await control.stop()
  log('info', 'stopped')
  return 0
}

function stopped(log: Logger): Promise<void> {
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

/** An address that can be clicked: 0.0.0.0 is every address of this machine, localhost is one. */
function address(server: Bun.Server<unknown>): string {
  return server.url.href.replace('0.0.0.0', 'localhost')
}
