// Liveness asks nothing of others; readiness asks the store, at most once a second.
import type { Context, Handler } from 'hono'
import type { Asked, Standing } from '../src/subscription/subscriptions.ts'
import type { Lifecycle } from './lifecycle.ts'
import { problem } from './problem.ts'

const CHECK_EVERY_MS = 1_000
const CHECK_TIMEOUT_MS = 1_000

/** `GET /health`: 200 for as long as the process can answer. */
export const health: Handler = c => c.json({ status: 'pass' }, 200, { 'Cache-Control': 'no-store' })

/**
 * `GET /ready` and `/startup`: 503 while starting, while stopping and while the store does not answer; `/ready` also until there are rows
 * of every projection. It starts an app that was not started, as nobody sends an app anything else before it is ready.
 */
export function ready({ running, start }: Lifecycle, asksRows: boolean): Handler {
  let checked: Checked = { at: Number.NEGATIVE_INFINITY, asked: null }
  const refused = (c: Context, detail: string, checks?: object) =>
    problem(c, 'not-ready', { detail, ...(checks && { checks }) }, { 'Retry-After': '1' })
  return async c => {
    const { services, isStopping } = running()
    if (!services && !isStopping) start().catch(() => {})
    if (!services || isStopping) return refused(c, isStopping ? 'stopping' : 'starting')
    if (performance.now() - checked.at > CHECK_EVERY_MS) {
      const asking = services.store.ping().then(() => services.subscriptions.asked())
      const asked = await Promise.race([asking, Bun.sleep(CHECK_TIMEOUT_MS).then(() => null)]).catch(() => null)
      checked = { at: performance.now(), asked }
    }
    const { asked } = checked
    if (!asked) return refused(c, 'the store does not answer')
    const { store, subscriptions } = services
    const byKind = Map.groupBy(subscriptions.standing, ({ kind }) => kind)
    const checksOf = (name: string, kind: Standing['kind']) => {
      const found = byKind.get(kind)?.map(one => standingCheck(one, asked))
      return found && { [name]: found }
    }
    const checks = {
      store: [{ componentType: 'datastore', status: 'pass', system: store.system }],
      ...checksOf('projections', 'projection'),
      ...checksOf('processors', 'processor'),
      ...checksOf('sqlProjections', 'sql-projection'),
      ...checksOf('processes', 'process'),
    }
    if (asksRows && !subscriptions.isReady) return refused(c, 'rows are still being made', checks)
    return c.json({ status: 'pass', checks }, 200, { 'Cache-Control': 'no-store' })
  }
}

/** What the store said when it was asked last; null: nothing. */
type Checked = { readonly at: number; readonly asked: ReadonlyMap<string, Asked> | null }

/** What is parked, and how far it is behind, is for whoever looks: it keeps nobody from being served. */
function standingCheck({ name, isServed, subscription }: Standing, asked: ReadonlyMap<string, Asked>): object {
  const { position, lagEvents } = subscription
  const { lagSeconds, ...parked } = asked.get(subscription.name) ?? { lagSeconds: 0, parkedKeys: 0, parkedStreams: 0 }
  const lag = { lagEvents, lagSeconds: lagEvents ? lagSeconds : 0 }
  return { componentType: 'component', status: isServed ? 'pass' : 'fail', name, position, ...lag, ...parked }
}
