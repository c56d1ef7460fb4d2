// Measures requests by method, route and status, and has them recorded.
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { keep } from '../../src/metrics/keep.ts'
import type { Metrics } from '../../src/metrics/registry.ts'
import type { RequestRecords } from './request-records.ts'

/** What requests are counted under whose method no route of ours has: clients may send any text. */
const OTHER_METHOD = '_OTHER'
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Measures requests. A route is its pattern, so there are as many as the app has routes. */
export class RequestMeter {
  #active = 0
  readonly #durations
  readonly #records: RequestRecords | null

  /** `records`: null, if requests are not recorded. */
  constructor(metrics: Metrics, records: RequestRecords | null) {
    this.#records = records
    this.#durations = keep(method =>
      keep(route => keep(status => metrics.histogram('http.server.request.duration', method, route, status))),
    )
    metrics.observe(['http.server.active_requests'], () => ({
      'http.server.active_requests': [{ values: [], value: this.#active }],
    }))
  }

  /** Begins a request. Gives the time at which it began. */
  begin(): number {
    this.#active++
    return performance.now()
  }

  /** Ends a request whose answer is ready. */
  end(c: Context, began: number, status: number): void {
    this.#active--
    this.record(c, began, status)
  }

  /** Records a request that was answered at once. */
  record(c: Context, began: number, status: number): void {
    const method = METHODS.has(c.req.method) ? c.req.method : OTHER_METHOD
    const route = routeOf(c)
    const endedAt = performance.now()
    this.#durations(method)(route)(String(status)).record((endedAt - began) / 1_000)
    this.#records?.take(c, { route, status, durationMs: endedAt - began, endedAt })
  }
}

/** The pattern of the route that answered; empty: none did. */
function routeOf(c: Context): string {
  const path = routePath(c)
  return path.endsWith('*') ? '' : path
}
