import type { App } from '../../routes/app.ts'
import { spec } from '../event/events.ts'

const IDLE_TIMEOUT_S = 60
const STOP_DEADLINE_MS = 10_000

/** Serves an app until SIGTERM or SIGINT, then stops in order; a second signal ends it at once. */
export async function serve(app: App): Promise<number> {
  const control = app[spec]
  const started = await control.start()
  const server = Bun.serve({
    fetch: app.fetch,
    port: app.port,
    hostname: app.hostname,
    development: false,
    idleTimeout: IDLE_TIMEOUT_S,
  })
  console.log(JSON.stringify({ level: 'info', message: `serving on ${server.url.href}`, store: started.store.system }))
  const signal = await new Promise<NodeJS.Signals>(resolve => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
  for (const again of ['SIGTERM', 'SIGINT'] as const) process.on(again, () => process.exit(again === 'SIGTERM' ? 143 : 130))
  console.log(JSON.stringify({ level: 'info', message: `stopping on ${signal}` }))
  control.drain()
  await Promise.race([server.stop(), Bun.sleep(STOP_DEADLINE_MS)])
  await server.stop(true)
  await control.stop()
  return 0
}
