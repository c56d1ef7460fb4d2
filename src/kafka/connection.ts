// One producer, made when it is first needed and made anew after whatever failed: it then asks the cluster again who is where.
import type { KafkaConfig, Producer } from 'kafkajs'
import { kafkajs } from './packages.ts'

export type LinkOptions = {
  readonly config: KafkaConfig
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export type Link = {
  /** The producer of this moment; rejects where there is none to be had. */
  readonly producer: () => Promise<Producer>
  /** The next is another one. */
  readonly renew: () => void
}

export function link({ config, deadlineMs, signal }: LinkOptions): Link {
  let current: Promise<Producer> | null = null

  const open = async (): Promise<Producer> => {
    const { Kafka, Partitioners, logLevel } = await kafkajs()
    const kafka = new Kafka({
      logLevel: logLevel.NOTHING,
      connectionTimeout: deadlineMs,
      requestTimeout: deadlineMs,
      ...config,
      // Who tries again, and when, is decided for the whole relay.
      retry: { retries: 0 },
    })
    // By murmur2 of the key, as Kafka's own clients do, so that others find a stream's partition.
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
