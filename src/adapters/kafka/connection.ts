// One producer. It is made when it is first needed, and made again after any failure, because then it asks the cluster
// again for the partitions.
import type { KafkaConfig, Producer } from 'kafkajs'
import type { KafkaClientOptions } from './client-options.ts'
import { kafkajs } from './packages.ts'

export type KafkaConnectionOptions = {
  readonly brokers: readonly string[]
  readonly connect: KafkaClientOptions | undefined
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export type KafkaConnection = {
  /** Gives the current producer. Rejects if none can be made. */
  readonly producer: () => Promise<Producer>
  /** Drops the producer: the next one is new. */
  readonly renew: () => void
}

export function kafkaConnection({ brokers, connect, deadlineMs, signal }: KafkaConnectionOptions): KafkaConnection {
  let current: Promise<Producer> | null = null

  const open = async (): Promise<Producer> => {
    const { Kafka, Partitioners, logLevel } = await kafkajs()
    const kafka = new Kafka({
      logLevel: logLevel.NOTHING,
      connectionTimeout: deadlineMs,
      requestTimeout: deadlineMs,
      // The client's own type of these options is narrower in parts that only it knows.
      ...(connect as Omit<KafkaConfig, 'brokers'>),
      brokers: [...brokers],
      // The relay itself decides when to try again.
      retry: { retries: 0 },
    })
    // Partitions by murmur2 of the key, as Kafka's own clients do, so that others can find a stream's partition.
    const producer = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      maxInFlightRequests: 1,
      retry: { retries: 0 },
    })
    await producer.connect()
    return producer
  }
  const renew = (): void => {
    const last = current
    current = null
    void last?.then(producer => producer.disconnect()).catch(() => {})
  }
  signal.addEventListener('abort', renew, { once: true })
  return {
    producer: () => {
      current ??= open()
      return current
    },
    renew,
  }
}
