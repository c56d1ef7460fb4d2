// Events to Kafka: a subscription on the log whose handler produces.
import type { KafkaConfig, KafkaJSProtocolError, Message } from 'kafkajs'
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import type { AnyEvents, Recorded } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import { type Processor, processor } from '../../definitions/processor.ts'
import { kafkaConnection } from './connection.ts'
import { bytesOf, messageOf } from './message.ts'

export type KafkaRelayOptions<F extends AnyEvents, T extends string> = {
  /** The family or families whose facts are sent; `types` names some of their types. Default: all. */
  readonly from: One<F>
  readonly types?: readonly T[]
  /** Where brokers of the cluster are, as `127.0.0.1:9092`. */
  readonly brokers: readonly string[]
  /** One topic for all, or the topic of each event. All events of a stream have to go to one, or only those within a topic are in order. */
  readonly topic: string | ((event: Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>) => string)
  /** Where a relay that is new begins: `beginning`, `now` or after a position. Default: `beginning`. */
  readonly start?: 'beginning' | 'now' | number
  /** The most events on their way at once, 1 to 10 000. Default: 1 000. */
  readonly inFlightMax?: number
  /** The most that is produced at once, and the largest message, in bytes: no more than `message.max.bytes`. Default: 1 000 000. */
  readonly requestBytesMax?: number
  /** How long Kafka may take to connect, and to acknowledge, in ms. Default: 5 000. */
  readonly deadlineMs?: number
  /** Further options of the client: `ssl`, `sasl`, `clientId` … */
  readonly connect?: Omit<KafkaConfig, 'brokers' | 'retry'>
  /** Is called once for each outage, with its first error. Default: console.error. */
  readonly report?: (error: unknown) => void
}

/**
 * Sends events to Kafka as they are appended.
 *
 * AT LEAST ONCE, in the order of each stream: the key is the stream, and the next events are produced when all in-sync replicas (`acks=all`)
 * have the ones before. After a failure the events on their way are produced again, in the same order; a consumer knows them by `ce_id`.
 *
 * A message is a CloudEvent in binary mode: attributes are headers (`ce_id`, `ce_type` …), the value is the event's data.
 *
 * While Kafka is away the relay waits, and nothing else does: it has a checkpoint of its own. What Kafka can never take (too large) parks
 * its stream, as in every processor. Topics are not made.
 *
 * @example
 * app({ serve: [order, kafkaRelay('orders-to-kafka', { from: Order, brokers: ['127.0.0.1:9092'], topic: 'orders' })] })
 */
export function kafkaRelay<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: N,
  options: KafkaRelayOptions<F, T>,
): Processor<N> {
  const { from, types, topic, start = 'beginning', inFlightMax = 1_000, requestBytesMax = 1_000_000 } = options
  const topicOf = typeof topic === 'string' ? () => topic : topic
  const producerOf = oncePerRun(signal => producer(options, signal))
  return processor(name, {
    from,
    ...(types && { types }),
    start,
    batchSize: inFlightMax,
    // The producer itself tries until Kafka takes the events; an error means that it never will.
    attempts: 1,
    attemptMs: null,
    handle: async (events, { cloudEvent, signal }) => {
      const produce = producerOf(signal)
      const all = events.map(event => ({ topic: topicOf(event), message: messageOf(cloudEvent(event)) }))
      for (const request of splitRequests(all, requestBytesMax)) await produce(request)
    },
  })
}

type KafkaMessage = { readonly topic: string; readonly message: Message }
type KafkaReceiver = Pick<KafkaRelayOptions<AnyEvents, string>, 'brokers' | 'connect' | 'deadlineMs' | 'report'>

function producer({ brokers, connect, deadlineMs = 5_000, report = console.error }: KafkaReceiver, signal: AbortSignal) {
  const { producer, renew } = kafkaConnection({ config: { ...connect, brokers: [...brokers] }, deadlineMs, signal })
  const breaker = new Breaker({ signal, report })
  return (request: readonly KafkaMessage[]) =>
    breaker.deliver(async () => {
      try {
        await (await producer()).sendBatch({ acks: ALL, timeout: deadlineMs, topicMessages: byTopic(request) })
      } catch (error) {
        if (REFUSALS.has((error as Partial<KafkaJSProtocolError>).type ?? ''))
          throw new DeliveryRefused('Kafka refused what was produced', { cause: error })
        renew()
        throw error
      }
    })
}

function byTopic(request: readonly KafkaMessage[]): { topic: string; messages: Message[] }[] {
  return [...Map.groupBy(request, ({ topic }) => topic)].map(([topic, all]) => ({
    topic,
    messages: all.map(({ message }) => message),
  }))
}

/** Parts, in order, of at most so many bytes. Throws DeliveryRefused for a message that is larger by itself. */
function* splitRequests(all: readonly KafkaMessage[], bytesMax: number): Generator<readonly KafkaMessage[]> {
  let request: KafkaMessage[] = []
  let bytes = 0
  for (const one of all) {
    const size = bytesOf(one.message)
    if (request.length && bytes + size > bytesMax) {
      yield request
      request = []
      bytes = 0
    }
    if (size > bytesMax)
      throw new DeliveryRefused(`a message to Kafka has at most ${bytesMax} bytes; one of ${String(one.message.key)} has ${size}`)
    request.push(one)
    bytes += size
  }
  if (request.length) yield request
}

const ALL = -1
const REFUSALS = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'])
