// The table of all metrics. A row is a metric: code, exposition, docs and tests take it from here.
import { CACHES } from './rows/caches.ts'
import { COMMANDS } from './rows/commands.ts'
import { DATABASE } from './rows/database.ts'
import { FAILURES } from './rows/failures.ts'
import { FINDINGS } from './rows/findings.ts'
import { HTTP } from './rows/http.ts'
import { LOG } from './rows/log.ts'
import { PROCESS } from './rows/process.ts'
import { PROMISES } from './rows/promises.ts'
import { SENDING } from './rows/sending.ts'
import { SUBSCRIPTIONS } from './rows/subscriptions.ts'
import { TELEMETRY } from './rows/telemetry.ts'

type Table = typeof HTTP &
  typeof COMMANDS &
  typeof LOG &
  typeof DATABASE &
  typeof SUBSCRIPTIONS &
  typeof SENDING &
  typeof CACHES &
  typeof PROMISES &
  typeof FAILURES &
  typeof FINDINGS &
  typeof PROCESS &
  typeof TELEMETRY

/** All metrics, by name. Names, units and attributes are those of OpenTelemetry's conventions where there is one. */
export const METRICS: Table = {
  ...HTTP,
  ...COMMANDS,
  ...LOG,
  ...DATABASE,
  ...SUBSCRIPTIONS,
  ...SENDING,
  ...CACHES,
  ...PROMISES,
  ...FAILURES,
  ...FINDINGS,
  ...PROCESS,
  ...TELEMETRY,
}

export type MetricName = keyof Table
type NamesOf<K extends MetricKind> = { [N in MetricName]: Table[N]['kind'] extends K ? N : never }[MetricName]
type MetricKind = 'counter' | 'gauge' | 'histogram'
export type CounterName = NamesOf<'counter'>
export type GaugeName = NamesOf<'gauge'>
export type HistogramName = NamesOf<'histogram'>
/** The values of a metric's attributes, in the order of its row. */
export type ValuesOf<N extends MetricName> = Texts<Table[N]['attributes']>
type Texts<A extends readonly unknown[]> = { readonly [I in keyof A]: string }
