// Liveness asks nothing of others; readiness asks the store, at most once a second.
import type { Context, Handler } from 'hono'
import type { ProjectionStatus } from '../src/subscription/subscriptions.ts'
import type { Running } from './app.ts'
import { problem } from './problem.ts'

const CHECK_EVERY_MS = 1_000
const CHECK_TIMEOUT_MS = 1_000

/** `GET /health`: 200 for as long as the process can answer. */
export const health: Handler = c => c.json({ status: 'pass' }, 200, { 'Cache-Control': 'no-store' })

/**
 * `GET /ready` and `/startup`: 503 while starting, while stopping and while the store does not answer; `/ready` also until there are rows
 * of every projection. It has an app start that was not started, as nobody sends it anything else before it is ready.
 */
export function ready(of: () => Running, start: () => Promise<unknown>, asksRows: boolean): Handler {
  let checked = { at: Number.NEGATIVE_INFINITY, passed: false }
  const refused = (c: Context, detail: string, checks?: object) =>
    problem(c, 'not-ready', { detail, ...(checks && { checks }) }, { 'Retry-After': '1' })
  return async c => {
    const { runtime, stopping } = of()
    if (!runtime && !stopping) start().catch(() => {})
    if (!runtime || stopping) return refused(c, stopping ? 'stopping' : 'starting')
    if (performance.now() - checked.at > CHECK_EVERY_MS) {
      const passed = await Promise.race([
        runtime.store.ping().then(() => true),
        Bun.sleep(CHECK_TIMEOUT_MS).then(() => false),
      ]).catch(() => false)
      checked = { at: performance.now(), passed }
    }
    if (!checked.passed) return refused(c, 'the store does not answer')
    const { store, subscriptions } = runtime
    const projections = subscriptions.projections.map(projectionCheck)
    const checks = {
      store: [{ componentType: 'datastore', status: 'pass', system: store.system }],
      ...(projections.length > 0 && { projections }),
    }
    if (asksRows && !subscriptions.isReady) return refused(c, 'rows are still being made', checks)
    return c.json({ status: 'pass', checks }, 200, { 'Cache-Control': 'no-store' })
  }
}

function projectionCheck({ isServed, ...where }: ProjectionStatus): object {
  return { componentType: 'component', status: isServed ? 'pass' : 'fail', ...where }
}
