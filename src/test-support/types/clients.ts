// Options of clients have types of our own. They take whatever the clients' types give, but what a relay sets. It is never run.
import type { TracerProvider } from '@opentelemetry/api'
import type { ConnectionOptions } from '@nats-io/transport-node'
import type { KafkaConfig } from 'kafkajs'
import type { KafkaClientOptions } from '../../adapters/kafka/client-options.ts'
import type { NatsClientOptions } from '../../adapters/nats/client-options.ts'
import type { GivenTracerProvider } from '../../adapters/otel/options.ts'

/** How a client comes back, and what it does meanwhile: a relay makes a new connection instead. */
type Reconnecting = Extract<keyof ConnectionOptions, `reconnect${string}` | `max${string}Attempts`>
type NatsRest = 'noEcho' | 'pedantic' | 'verbose' | 'waitOnFirstConnect' | 'ignoreAuthErrorAbort' | 'noAsyncTraces'

export function takeOptionsOfClients(
  kafka: Omit<KafkaConfig, 'brokers' | 'retry'>,
  nats: Omit<ConnectionOptions, 'servers' | Reconnecting | NatsRest>,
  otel: TracerProvider,
): readonly unknown[] {
  const ours: KafkaClientOptions = kafka
  const theirs: NatsClientOptions = nats
  const provider: GivenTracerProvider = otel
  // Each option of theirs is one of ours.
  const names: readonly (keyof KafkaClientOptions | keyof NatsClientOptions)[] = [
    ...([] as readonly (keyof typeof kafka)[]),
    ...([] as readonly (keyof typeof nats)[]),
  ]
  return [ours, theirs, provider, names]
}
