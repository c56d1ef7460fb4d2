import type { Config } from '../src/config.ts'
import type { Served } from '../src/definitions/definition.ts'
import { type OptionKinds, RUNTIME_OPTIONS } from '../src/definitions/options.ts'
import type { RuntimeOptions } from '../src/runtime.ts'
import type { Store } from '../src/ports/store/store.ts'
import type { Telemetry } from '../src/ports/trace/telemetry.ts'
import type { Allowed } from '../src/definitions/access/allow.ts'
import type { Actor, Guard } from './context.ts'
import type { MetaOf } from './custom-meta.ts'
import type { RequestRecordOptions } from './http/request-records.ts'
import type { Checks } from './health/own-checks.ts'

export type AppOptions = Omit<RuntimeOptions, 'store'> & {
  /** The store that keeps the log. Default: PostgreSQL at DATABASE_URL, else SQLite at SQLITE_FILE. */
  readonly store?: Store
  /** Default: read from the environment. */
  readonly config?: Config
  /** Records traces; `await telemetry()` of emaki/otel gives one. Default: nothing is recorded. */
  readonly telemetry?: Telemetry
  /**
   * Decides who may read streams and events that are not public. Default: a bearer of ADMIN_TOKEN. Without ADMIN_TOKEN:
   * everybody on this machine outside of production, nobody in production.
   */
  readonly guard?: Guard
  /** Names the actor of a request. Default: no request has an actor. */
  readonly actor?: Actor
  /** Gives metadata of one's own for the events of a request. Default: none. */
  readonly meta?: MetaOf
  /**
   * Who may do what: the rules that `allow` makes. What they leave out is refused, once there is one. `guard` and
   * ADMIN_TOKEN still open the log. Default: everybody may do everything, but read the log.
   */
  readonly authorize?: readonly Allowed[]
  /** The largest body, in bytes. Default: 1 048 576. `limitBody` gives a route another one. */
  readonly bodyLimit?: number
  /** Deciders whose streams are public: anybody may read them, and any cache may store them. Default: none. */
  readonly publicStreams?: readonly Served[]
  /**
   * Origins whose pages may open a WebSocket and send commands, such as `https://shop.example`, besides the origin of
   * the app. Commands also come from pages of its site, and of origins that `cors` allows. Default: none.
   */
  readonly origins?: readonly string[]
  /**
   * Query parameters that a middleware of yours reads, such as `access_token`. Derived routes pass over them, and refuse
   * any other that they do not know. Default: none.
   */
  readonly parameters?: readonly string[]
  /**
   * Checks of your own, by name: `/ready?verbose` runs them, and a required one decides about `/ready`, too. A check throws,
   * or gives false, while it fails. Default: none.
   */
  readonly checks?: Checks
  /**
   * Which requests are recorded besides those that failed or were slow; false: none is. Default: one of 100, and slow are
   * those of 1 000 ms and more.
   */
  readonly requestRecords?: false | RequestRecordOptions
  /** The title in the OpenAPI document. Default: `Emaki`. */
  readonly title?: string
  /** The version of the API in the OpenAPI document. Default: `0.0.0`. */
  readonly version?: string
}

export const APP_OPTIONS: OptionKinds<keyof AppOptions> = {
  ...RUNTIME_OPTIONS,
  config: 'object?',
  telemetry: 'any?',
  guard: 'function?',
  actor: 'function?',
  meta: 'function?',
  authorize: 'list?',
  bodyLimit: 'number?',
  publicStreams: 'list?',
  origins: 'texts?',
  parameters: 'texts?',
  checks: 'object?',
  requestRecords: 'any?',
  title: 'text?',
  version: 'text?',
}
