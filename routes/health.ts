// Liveness asks nothing of others; readiness asks the store, at most once a second.
import type { Handler } from 'hono'
import type { Running } from './app.ts'
import { problem } from './problem.ts'

const CHECK_EVERY_MS = 1_000
const CHECK_TIMEOUT_MS = 1_000

/** `GET /health`: 200 for as long as the process can answer. */
export const health: Handler = c => c.json({ status: 'pass' }, 200, { 'Cache-Control': 'no-store' })

/**
 * `GET /ready` and `/startup`: 503 while starting, while stopping and while the store does not answer. It has an app start that was
 * not started, as nobody sends it anything else before it is ready.
 */
export function ready(of: () => Running, start: () => Promise<unknown>): Handler {
  let checked = { at: Number.NEGATIVE_INFINITY, passed: false }
  return async c => {
    const { runtime, stopping } = of()
    if (!runtime && !stopping) start().catch(() => {})
    if (!runtime || stopping)
      return problem(c, 'not-ready', { detail: stopping ? 'stopping' : 'starting' }, { 'Retry-After': '1' })
    if (performance.now() - checked.at > CHECK_EVERY_MS) {
      const passed = await Promise.race([
        runtime.store.ping().then(() => true),
        Bun.sleep(CHECK_TIMEOUT_MS).then(() => false),
      ]).catch(() => false)
      checked = { at: performance.now(), passed }
    }
    if (!checked.passed) return problem(c, 'not-ready', { detail: 'the store does not answer' }, { 'Retry-After': '1' })
    return c.json(
      { status: 'pass', checks: { store: [{ componentType: 'datastore', status: 'pass', system: runtime.store.system }] } },
      200,
      { 'Cache-Control': 'no-store' },
    )
  }
}
