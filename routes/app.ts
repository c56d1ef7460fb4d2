// app({ serve }): a Hono app with routes for its definitions. It opens its store on start, or on its first request.
import { type Handler, Hono, type MiddlewareHandler } from 'hono'
import type { H, RouterRoute } from 'hono/types'
import { type Config, readConfig } from '../src/config.ts'
import { type Access, accessOf } from '../src/definitions/access/access.ts'
import { isProduction } from '../src/definitions/environment.ts'
import { spec } from '../src/definitions/event/events.ts'
import { measureReport } from '../src/metrics/measured.ts'
import { Metrics } from '../src/metrics/registry.ts'
import { checkOptions } from '../src/definitions/options.ts'
import type { Runtime } from '../src/runtime.ts'
import { APP_OPTIONS, type AppOptions } from './app-options.ts'
import { defaultHeaders } from './http/default-headers.ts'
import { docs } from './openapi/docs.ts'
import { handleError, handleNotFound, handleRest } from './errors.ts'
import { authorizeFollow } from './events/authorize-follow.ts'
import { eventStream } from './events/events.ts'
import { type WebSocketHandlers, websocket } from './events/server.ts'
import { HealthDetails, type OtherParts } from './health/details.ts'
import { guardDetails, health, ready, startup } from './health/health.ts'
import { OwnChecks } from './health/own-checks.ts'
import { type Lifecycle, lifecycleOf } from './lifecycle.ts'
import { provideServices, refuseBadRequests, requireAccess } from './middleware.ts'
import { definitionsOf, hasPath, mount } from './mount.ts'
import { openapi } from './openapi/openapi.ts'
import { levelHandlers } from './levels.ts'
import { provideRunning, serveLogs } from './logs.ts'
import { serveMetrics } from './metrics.ts'
import { type Reporting, reportingOf } from './report.ts'
import { PAGE_PARAMETERS } from './streams/page-request.ts'
import { withParameters } from './http/parameters.ts'
import { problemPage } from './http/problem.ts'
import { RequestMeter } from './http/request-meter.ts'
import { RequestRecords } from './http/request-records.ts'
import type { CachedAnswers } from './queries/cached-answers.ts'
import { cachedAnswersOf } from './queries/queries.ts'
import { keepLast, refuseAfterMounting, RouterByMethod, takePart } from './http/router.ts'
import { getScheduled, withdrawScheduled } from './commands/scheduled.ts'
import { authorizeStream } from './streams/authorize-stream.ts'
import { getStream } from './streams/streams.ts'

export type { AppOptions } from './app-options.ts'
export type { Telemetry } from '../src/ports/trace/telemetry.ts'

/** Controls an app from the command line and from tests. */
export type AppControl = Lifecycle & { readonly options: AppOptions; readonly metrics: Metrics }
export type App = Hono & {
  readonly port: number
  readonly hostname: string
  readonly development: false
  /** WebSockets need it: give it to `Bun.serve` beside `fetch`. `export default app` gives both. */
  readonly websocket: WebSocketHandlers
  /**
   * Gives the runtime of the app, which opens its store if no request has opened it yet: for tests, scripts and routes.
   * Its `close` stops the app.
   */
  readonly runtime: () => Promise<Runtime>
  readonly [spec]: AppControl & { readonly kind: 'app'; readonly name: 'app' }
}

export const BODY_LIMIT = 1_048_576

/**
 * Makes a Hono app that serves deciders, projections and queries. `.get`, `.use` and `.route` work as on any Hono app.
 * What you add comes before the derived routes, in your order: a middleware sees all requests but those for health and
 * problems.
 *
 * - Commands: `POST /{decider}/{id}/{command}`, `POST /{decider}/{command}`, `GET` and `DELETE /commands/{id}`.
 * - States: `GET /{decider}/{id}`, if the decider exposes its state.
 * - Rows: `GET /{projection}/{key}`, `GET /{projection}/{key}/events`, `GET /{projection}`.
 * - Queries: `GET /{query}`.
 * - The log: `GET /streams/{stream}`, `GET /events`.
 * - The app itself: `/health`, `/ready`, `/startup`, `/metrics`, `/logs`, `/logs/levels`, `/problems/{slug}`,
 *   `/openapi.json`, `/docs`; in development `/`, unless you have a route there.
 *
 * Throws a TypeError if two definitions have the same path, or if a definition has a reserved path.
 */
export function app(options: AppOptions): App {
  checkOptions('app', options, APP_OPTIONS)
  const router = new RouterByMethod<[H, RouterRoute]>()
  const hono = new Hono({ router })
  let config: Config | null = options.config ?? null
  const configured = () => (config ??= readConfig())
  const definitions = definitionsOf(options.serve)
  const access = accessOf(options.authorize, definitions)
  const metrics = new Metrics()
  options.telemetry?.sendMetrics?.(() => metrics.read())
  const reporting = reportingOf(options, configured)
  const report = measureReport(reporting.report, metrics)
  const lifecycle = lifecycleOf(options, { configured, metrics, report })
  const cached = cachedAnswersOf(definitions)
  const checkAccess = requireAccess(options.guard, access.isRuled, configured)
  const openMetrics: MiddlewareHandler = (c, next) => (configured().METRICS_PUBLIC ? next() : checkAccess(c, next))

  mountFirst(hono, options, {
    lifecycle,
    access,
    cached,
    metrics,
    reporting,
    records: options.requestRecords === false ? null : new RequestRecords(report, options.requestRecords),
    ownChecks: new OwnChecks(options.checks ?? {}, { report }),
    details: new HealthDetails({ ...reporting, others: () => otherPartsOf(options, configured) }),
    checkAccess,
    openMetrics,
    ownRoutes: () => hono.routes.slice(first, -derived),
  })
  const first = hono.routes.length
  hono.route('/', openapi(definitions.filter(hasPath), options, configured)).route('/', docs(options.title))
  mountLog(hono, options, access, checkAccess)
  hono.get('/commands/:id', withParameters([], getScheduled)).delete('/commands/:id', withParameters([], withdrawScheduled))
  for (const definition of definitions) mount(hono, definition, cached)
  const notFound = handleNotFound(hono, {
    definitions,
    title: options.title,
    isDevelopment: () => !isProduction(configured().NODE_ENV),
  })
  const rest = handleRest(notFound)
  hono.all('*', rest)
  const derived = hono.routes.length - first
  for (const list of [hono.routes, router.routes] as unknown[][]) keepLast(list, derived)
  refuseAfterMounting(hono.routes)
  hono.notFound(notFound).onError(handleError(report))

  // A Hono app that mounts this one has its handlers: so `main` finds the app.
  Object.assign(rest, { [spec]: hono })
  return Object.defineProperties(hono, {
    port: { get: () => configured().PORT, enumerable: true },
    hostname: { get: () => configured().HOST, enumerable: true },
    development: { value: false, enumerable: true },
    websocket: { value: websocket, enumerable: true },
    runtime: { value: async (): Promise<Runtime> => ({ ...(await lifecycle.start()), close: lifecycle.stop }), enumerable: true },
    [spec]: { value: { kind: 'app', name: 'app', options, metrics, ...lifecycle } },
  }) as App
}

type FirstParts = {
  readonly lifecycle: Lifecycle
  readonly access: Access
  readonly cached: ReadonlyMap<string, CachedAnswers>
  readonly metrics: Metrics
  readonly records: RequestRecords | null
  readonly reporting: Reporting
  readonly ownChecks: OwnChecks
  readonly details: HealthDetails
  /** Says who may read the log, and the details of the app. */
  readonly checkAccess: MiddlewareHandler
  /** Says who may read the metrics. */
  readonly openMetrics: MiddlewareHandler
  /** The routes of the user. */
  readonly ownRoutes: () => readonly RouterRoute[]
}

/**
 * Mounts what comes before the middleware of the user: telemetry, default headers, services, and the routes that
 * orchestrators ask without credentials.
 */
function mountFirst(
  hono: Hono,
  options: AppOptions,
  { lifecycle, access, cached, metrics, records, reporting, ownChecks, details, checkAccess, openMetrics, ownRoutes }: FirstParts,
): void {
  const meter = new RequestMeter(metrics, records)
  for (const middleware of options.telemetry?.middleware ?? []) hono.use(middleware)
  // Cached answers come before all other middleware: a middleware that waits for the next handler costs too much here.
  // An answer with a rule is not for everybody.
  for (const [name, answers] of cached)
    if (access.query(name) === 'all') hono.get(`/${name}`, answerFirst(name, answers, { lifecycle, meter, ownRoutes }))
  hono.use(defaultHeaders(meter)).use(refuseBadRequests(options.bodyLimit ?? BODY_LIMIT))
  hono.get('/health', health)
  hono.get('/ready', guardDetails(checkAccess), ready({ lifecycle, ownChecks, details })).get('/startup', startup({ lifecycle }))
  hono.get('/problems/:slug', withParameters([], problemPage))
  hono.get('/metrics', openMetrics, serveMetrics(metrics))
  const provide = provideRunning(lifecycle, options)
  const levels = levelHandlers(reporting)
  hono.get('/logs', checkAccess, provide, serveLogs(reporting.ring))
  hono.get('/logs/levels', checkAccess, provide, levels.show).put('/logs/levels', checkAccess, provide, levels.set)
  hono.delete('/logs/levels', checkAccess, provide, levels.reset)
  hono.use(provideServices(lifecycle, access, options))
}

function otherPartsOf({ cache, cdn }: AppOptions, configured: () => Config): OtherParts {
  return { hasSharedCache: cache !== undefined || configured().REDIS_URL !== undefined, hasCdn: cdn !== undefined }
}

/** Answers a query from its cached answers, unless a middleware of the user has to see the request. */
function answerFirst(
  name: string,
  answers: CachedAnswers,
  { lifecycle, meter, ownRoutes }: Pick<FirstParts, 'lifecycle' | 'ownRoutes'> & { readonly meter: RequestMeter },
): Handler {
  let isOpen: boolean | null = null
  return (c, next) => {
    isOpen ??= !takePart(ownRoutes(), `/${name}`)
    if (!isOpen) return next()
    const began = performance.now()
    const answer = answers.answer(c, lifecycle.running().services)
    if (!answer) return next()
    meter.record(c, began, answer.status)
    return answer
  }
}

/** Mounts the routes of the log: streams and events. Everybody may read public ones; the others need access. */
function mountLog(
  hono: Hono,
  { publicStreams = [], origins = [] }: AppOptions,
  access: Access,
  checkAccess: MiddlewareHandler,
): void {
  const publicCategories = new Set(publicStreams.map(one => one[spec].name))
  const isPublic = (category: string) => publicCategories.has(category)
  const stream = withParameters(PAGE_PARAMETERS, getStream(isPublic), ['type'])
  hono.get('/streams/:stream', authorizeStream({ isPublic, access, checkAccess }), stream)
  hono.get('/events', authorizeFollow({ publicCategories, access, checkAccess, origins }), eventStream)
}
