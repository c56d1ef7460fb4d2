import type { Config } from '../src/config.ts'
import type { Served } from '../src/definitions/definition.ts'
import type { RuntimeOptions } from '../src/runtime.ts'
import type { Store } from '../src/ports/store/store.ts'
import type { Telemetry } from '../src/ports/trace/telemetry.ts'
import type { Actor, Guard } from './context.ts'

export type AppOptions = Omit<RuntimeOptions, 'store'> & {
  /** Keeps the log. Default: by configuration, PostgreSQL at DATABASE_URL, else SQLite at SQLITE_FILE. */
  readonly store?: Store
  /** Default: the environment. */
  readonly config?: Config
  /** Records traces, as `await telemetry()` of emaki/otel does. Default: nothing is recorded. */
  readonly telemetry?: Telemetry
  /** Says who may read streams and events that are not public. Default: a bearer of ADMIN_TOKEN; without one everybody outside of production, nobody there. */
  readonly guard?: Guard
  /** Says who asks. Default: nobody known. */
  readonly actor?: Actor
  /** The largest body, in bytes. Default: 1 048 576. */
  readonly bodyLimit?: number
  /** Deciders whose streams anybody may read and any cache may keep. Default: none. */
  readonly publicStreams?: readonly Served[]
  /** Origins of pages that may open a WebSocket, besides the app's own, as `https://shop.example`. Default: none. */
  readonly origins?: readonly string[]
  /** For OpenAPI. Defaults: `Emaki`, `0.0.0`. */
  readonly title?: string
  readonly version?: string
}
