// app({ serve }): a Hono app with a route for all that is served. It opens its store when it is started, or with the first request.
import { Hono, type MiddlewareHandler } from 'hono'
import { bearerAuth } from 'hono/bearer-auth'
import { bodyLimit } from 'hono/body-limit'
import { HTTPException } from 'hono/http-exception'
import { type Config, readConfig } from '../src/config.ts'
import type { DeciderSpec } from '../src/decider/decider.ts'
import { type Runtime, type RuntimeOptions, runtime, type Served } from '../src/runtime.ts'
import { spec } from '../src/event/events.ts'
import { categoryOf } from '../src/event/stream-name.ts'
import { PayloadError } from '../src/event/payload.ts'
import { UnreadableEvent } from '../src/event/read.ts'
import type { ProcessSpec } from '../src/process/process.ts'
import type { ProcessorSpec } from '../src/processor/processor.ts'
import type { ProjectionSpec } from '../src/projection/projection.ts'
import type { SqlProjectionSpec } from '../src/projection/sql-projection.ts'
import type { QuerySpec } from '../src/query/query.ts'
import { type Store, StoreError } from '../src/store/store.ts'
import { type Trace, untraced } from '../src/trace/trace.ts'
import { type CommandMaker, handle } from './commands.ts'
import type { Actor, Guard } from './context.ts'
import { defaultHeaders } from './default-headers.ts'
import { docs } from './docs.ts'
import { health, ready } from './health.ts'
import { openapi } from './openapi.ts'
import { eventStream } from './events/events.ts'
import { Live } from './events/live.ts'
import { mayFollow } from './events/may-follow.ts'
import { type WebSocketHandlers, websocket } from './events/server.ts'
import { rowEvents } from './events/row.ts'
import { problem, problemOfException, problemPage } from './problem.ts'
import type { KeptAnswers } from './kept.ts'
import { answerOf, keptOf } from './queries.ts'
import { RouterByMethod } from './router.ts'
import { rowOf, rowsOf } from './rows.ts'
import { scheduledOf, withdrawn } from './scheduled.ts'
import { stateOf } from './states.ts'
import { cacheOf, storeOf } from './store.ts'
import { streamOf } from './streams.ts'

export type AppOptions = Omit<RuntimeOptions, 'store'> & {
  /** Where the log is. Default: by configuration, PostgreSQL at DATABASE_URL, else SQLite at SQLITE_FILE. */
  readonly store?: Store
  /** Default: the environment. */
  readonly config?: Config
  /** Records traces, as `await telemetry()` of emaki/otel does. Default: nothing is recorded. */
  readonly telemetry?: Telemetry
  /** Who may see what was not published (streams). Default: a bearer of ADMIN_TOKEN; without one all outside of production, nobody there. */
  readonly guard?: Guard
  /** Who asks. Default: nobody known. */
  readonly actor?: Actor
  /** The largest body, in bytes. Default: 1 048 576. */
  readonly bodyLimit?: number
  /** Deciders whose streams anybody may read and any cache may keep. Default: none. */
  readonly publicStreams?: readonly Served[]
  /** Pages of other hosts that may open a WebSocket, as `https://shop.example`. Default: none. */
  readonly origins?: readonly string[]
  /** For OpenAPI. Defaults: `Emaki`, `0.0.0`. */
  readonly title?: string
  readonly version?: string
}

/** An adapter to tracing: a port, what runs before all else, and an end, which comes when the log is closed. */
export type Telemetry = {
  readonly trace: Trace
  readonly middleware: readonly MiddlewareHandler[]
  readonly shutdown: () => Promise<void>
}

/** Where an app is on its way from start to stop. */
export type Running = { readonly runtime: Runtime | null; readonly live: Live | null; readonly stopping: boolean }

/** What the command line and tests need of an app besides Hono. */
export type AppControl = {
  readonly options: AppOptions
  /** Opens the store; says so again gives the same. */
  readonly start: () => Promise<Runtime>
  /** From now on `/ready` is 503. */
  readonly drain: () => void
  /** Sends away all who follow what happens; they come back to another process. */
  readonly sendAway: () => void
  /** Sends away who follows, answers what it took, then closes the store. */
  readonly stop: () => Promise<void>
}
export type App = Hono & {
  readonly port: number
  readonly hostname: string
  readonly development: false
  /** What `Bun.serve` needs beside `fetch` for WebSockets; `export default app` gives it both. */
  readonly websocket: WebSocketHandlers
  readonly [spec]: AppControl & { readonly kind: 'app'; readonly name: 'app' }
}

/** First steps of a path that are the framework's own. */
const RESERVED = [
  'streams',
  'events',
  'health',
  'ready',
  'startup',
  'metrics',
  'openapi.json',
  'asyncapi.json',
  'docs',
  'problems',
  'commands',
]
export const BODY_LIMIT = 1_048_576

/**
 * A Hono app that serves deciders, projections and queries:
 * `POST /{decider}/{id}/{command}`, `POST /{decider}/{command}`, `GET /{decider}/{id}` where exposed, `GET /{projection}/{key}`,
 * `GET /{projection}/{key}/events`, `GET /{projection}`, `GET /{query}`, `GET` and `DELETE /commands/{id}`, `GET /streams/{stream}`, `GET /events`, `/health`, `/ready`, `/startup`,
 * `/problems/{slug}`, `/openapi.json` and `/docs`. `.get`, `.use` and `.route` go on working.
 * Throws where two definitions, or one and a reserved word, would have the same path.
 */
export function app(options: AppOptions): App {
  const hono = new Hono({ router: new RouterByMethod() })
  const maxSize = options.bodyLimit ?? BODY_LIMIT
  const definitions = served(options.serve)
  const deciders = definitions.filter(one => one.kind === 'decider')
  let config: Config | null = options.config ?? null
  const configured = () => (config ??= readConfig())
  let running: Running = { runtime: null, live: null, stopping: false }
  let starting: Promise<Runtime> | null = null

  const start = () => {
    starting ??= open(options, configured).then(
      runtime => {
        running = { ...running, runtime, live: new Live(runtime, { report: options.report ?? console.error }) }
        return runtime
      },
      error => {
        starting = null
        throw error
      },
    )
    return starting
  }

  for (const middleware of options.telemetry?.middleware ?? []) hono.use(middleware)
  // Before what all else goes through, as that waits.
  const kept = new Map(definitions.flatMap(one => (one.kind === 'query' ? [[one.name, keptOf(one)]] : [])))
  for (const [name, answers] of kept)
    hono.get(
      `/${name}`,
      answers.handler(() => running.runtime),
    )
  hono.use(defaultHeaders)
  const limited = bodyLimit({ maxSize, onError: c => problem(c, 'payload-too-large', { limit: maxSize }) })
  hono.use((c, next) => {
    // Without a host Bun gives the path alone, and Hono would begin to read it in its middle.
    if (c.req.raw.url.startsWith('/'))
      return Promise.resolve(problem(c, 'bad-header', { detail: 'Host is missing, or names no host' }))
    return c.req.raw.body ? limited(c, next) : next()
  })
  hono.get('/health', health)
  hono
    .get(
      '/ready',
      ready(() => running, start, true),
    )
    .get(
      '/startup',
      ready(() => running, start, false),
    )
  hono.get('/problems/:slug', problemPage)
  hono.route('/', openapi(definitions.filter(hasPath), options, configured)).route('/', docs(options.title))
  const serving: MiddlewareHandler = (c, next) => {
    if (!running.runtime) return start().then(() => serving(c, next))
    c.set('emaki', running.runtime)
    c.set('live', running.live!)
    c.set('actor', options.actor ?? null)
    return next()
  }
  hono.use(serving)
  const open_ = new Set((options.publicStreams ?? []).map(one => one[spec].name))
  const closed = guarded(options.guard, configured)
  hono.get(
    '/streams/:stream',
    (c, next) => (open_.has(categoryOf(c.req.param('stream')!)) ? next() : closed(c, next)),
    streamOf(name => open_.has(name)),
  )
  hono.get('/events', mayFollow({ publicCategories: open_, closed, origins: options.origins ?? [] }), eventStream)
  hono.get('/commands/:id', scheduledOf).delete('/commands/:id', withdrawn)
  for (const definition of definitions) mount(hono, definition, kept)
  hono.notFound(c => {
    const allow = methodsOf(hono, c.req.path)
    // What is posted to a decider is a command, and one that it does not know is not there.
    const unknown = c.req.method === 'POST' && deciders.some(({ name }) => c.req.path.startsWith(`/${name}/`))
    if (allow.length === 0 || unknown) return problem(c, 'not-found')
    return problem(c, 'method-not-allowed', {}, { Allow: allow.join(', ') })
  })
  hono.onError((error, c) => {
    if (error instanceof HTTPException) return problemOfException(c, error)
    if (error instanceof PayloadError && error.isTooLong)
      return problem(c, 'payload-too-large', { detail: 'what was decided is longer than an event may be' })
    if (error instanceof UnreadableEvent)
      return problem(c, 'stream-unreadable', { detail: error.message, retryable: true }, { 'Retry-After': '10' })
    if (error instanceof StoreError && error.reason !== 'refused') return problem(c, 'unavailable', {}, { 'Retry-After': '1' })
    // Its client has gone in the middle of its body: nobody hears the answer, and nothing is wrong with us.
    if (error.name === 'AbortError' && c.req.raw.signal.aborted)
      return problem(c, 'malformed-json', { detail: 'it ends too early' })
    ;(options.report ?? console.error)(error)
    return problem(c, 'internal', { requestId: c.get('requestId') })
  })

  const control: AppControl = {
    options,
    start,
    drain: () => {
      running = { ...running, stopping: true }
    },
    sendAway: () => running.live?.stop(),
    stop: async () => {
      try {
        running.live?.stop()
        await (await starting)?.close()
      } finally {
        await options.telemetry?.shutdown()
      }
    },
  }
  return Object.defineProperties(hono, {
    port: { get: () => configured().PORT, enumerable: true },
    hostname: { get: () => configured().HOST, enumerable: true },
    development: { value: false, enumerable: true },
    websocket: { value: websocket, enumerable: true },
    [spec]: { value: { kind: 'app', name: 'app', ...control } },
  }) as App
}

async function open(options: AppOptions, configured: () => Config): Promise<Runtime> {
  const config = configured()
  const store = options.store ?? (await storeOf(config))
  const cache = options.cache ?? cacheOf(config, options.report)
  const trace = options.trace ?? options.telemetry?.trace ?? untraced
  return runtime({ leaseMs: config.LEASE_MS, ...options, store, trace, ...(cache && { cache }) })
}

type Definition = DeciderSpec | ProjectionSpec | ProcessorSpec | ProcessSpec | QuerySpec | SqlProjectionSpec

/** What only works on the log has a name, and no path. */
function hasPath(definition: Definition): definition is DeciderSpec | ProjectionSpec | QuerySpec {
  return !['processor', 'process', 'sql-projection'].includes(definition.kind)
}

function served(serve: readonly Served[]): readonly Definition[] {
  const found = new Map<string, Definition>()
  return serve.map(one => {
    const definition = one[spec] as Definition
    const { kind, name } = definition
    if (RESERVED.includes(name) && hasPath(definition))
      throw new TypeError(`the ${kind} ${name} and the framework's own /${name} would have one path`)
    const other = found.get(name)
    if (other)
      throw new TypeError(
        other.kind === kind
          ? `two definitions would have the path /${name}: ${kind} ${name} twice`
          : `two definitions are named ${name}: the ${other.kind} and the ${kind}`,
      )
    found.set(name, definition)
    return definition
  })
}

function mount(hono: Hono, definition: Definition, kept: ReadonlyMap<string, KeptAnswers>): void {
  const { name } = definition
  if (definition.kind === 'decider') mountDecider(hono, definition)
  if (definition.kind === 'query') hono.get(`/${name}`, answerOf(definition, kept.get(name)!))
  if (definition.kind !== 'projection') return
  hono.get(`/${name}/:key`, rowOf(definition))
  if (definition.live) return
  hono.get(`/${name}/:key/events`, rowEvents(definition))
  hono.get(`/${name}`, rowsOf(definition))
}

function mountDecider(hono: Hono, decider: DeciderSpec): void {
  for (const command of decider.commands.keys()) {
    const handler = handle(Object.assign(() => null as never, { decider: decider.name, command }) as CommandMaker)
    hono.post(`/${decider.name}/:id/${command}`, handler)
    hono.post(`/${decider.name}/${command}`, handler)
  }
  if (decider.expose) hono.get(`/${decider.name}/:id`, stateOf(decider.name))
}

/** Who may see what was not published: the app's guard, else the bearer of ADMIN_TOKEN, else anybody outside of production. */
function guarded(guard: Guard | undefined, configured: () => Config): MiddlewareHandler {
  let bearer: MiddlewareHandler | null = null
  return async (c, next) => {
    if (guard) {
      const verdict = await guard(c)
      if (verdict instanceof Response) return verdict
      return verdict ? next() : problem(c, 'forbidden')
    }
    const { ADMIN_TOKEN, NODE_ENV } = configured()
    if (ADMIN_TOKEN !== undefined) {
      bearer ??= bearerAuth({ token: ADMIN_TOKEN })
      return bearer(c, next)
    }
    return NODE_ENV === 'production' ? problem(c, 'forbidden') : next()
  }
}

/** The methods for which a path has a route, the user's own among them; what is for all methods is middleware. */
function methodsOf(hono: Hono, path: string): readonly string[] {
  const found = METHODS.filter(method => hono.router.match(method, path)[0].some(([[, route]]) => route.method === method))
  return found.flatMap(method => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
}
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
