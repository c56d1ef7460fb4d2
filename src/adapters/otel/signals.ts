// Which signals the environment turns on, and how each is sent.
import type { Protocol } from './packages.ts'

export type Signal = 'traces' | 'metrics' | 'logs'
export const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']

export type Environment = Readonly<Record<string, string | undefined>>

/** The signals that have an endpoint, or all of OTEL_EXPORTER_OTLP_ENDPOINT, without those whose exporter is `none`. */
export function signalsOf(environment: Environment): ReadonlySet<Signal> {
  const setting = (name: string) => environment[`OTEL_${name}`]?.trim().toLowerCase()
  if (setting('SDK_DISABLED') === 'true') return new Set()
  const isOn = (signal: Signal) => {
    const name = signal.toUpperCase()
    if (setting(`${name}_EXPORTER`) === 'none') return false
    return Boolean(setting('EXPORTER_OTLP_ENDPOINT') || setting(`EXPORTER_OTLP_${name}_ENDPOINT`))
  }
  return new Set(SIGNALS.filter(isOn))
}

const PROTOCOLS: readonly string[] = ['http/protobuf', 'http/json'] satisfies Protocol[]

/** The protocol of a signal. Throws a TypeError for one that is not spoken here. */
export function protocolOf(signal: Signal, environment: Environment): Protocol {
  const own = environment[`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_PROTOCOL`]
  const found = (own || environment['OTEL_EXPORTER_OTLP_PROTOCOL'] || 'http/protobuf').trim()
  if (PROTOCOLS.includes(found)) return found as Protocol
  throw new TypeError(`OTEL_EXPORTER_OTLP_PROTOCOL is ${PROTOCOLS.join(' or ')}; found ${found}`)
}
