// Measures requests by method, route and status, and has them recorded.
import type { Context } from 'hono'
import { knownMethod, routeOf } from '../../src/lib/http-request.ts'
import { keep } from '../../src/ports/metrics/keep.ts'
import type { Meter } from '../../src/ports/metrics/meter.ts'
import type { RequestRecords } from './request-records.ts'

/** The method of a request whose own is not known. */
const OTHER_METHOD = '_OTHER'
/** The route of a request that is for none. */
const NO_ROUTE = ''

/** Measures requests. A route is its pattern, so there are as many as the app has routes. */
export class RequestMeter {
  #active = 0
  readonly #durations
  readonly #records: RequestRecords | null

  /** `records`: null, if requests are not recorded. */
  constructor(metrics: Meter, records: RequestRecords | null) {
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
    const method = knownMethod(c.req.method) ?? OTHER_METHOD
    const route = routeOf(c) ?? NO_ROUTE
    const endedAt = performance.now()
    this.#durations(method)(route)(String(status)).record((endedAt - began) / 1_000)
    this.#records?.take(c, { route, status, durationMs: endedAt - began, endedAt })
  }
}
