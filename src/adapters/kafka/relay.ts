// Sends events to Kafka: a subscription on the log whose handler produces messages.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import type { DefinitionName } from '../../definitions/definition-name.ts'
import type { KafkaJSProtocolError, Message } from 'kafkajs'
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import type { AnyEvents, Recorded } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import type { Target } from '../../definitions/endpoint.ts'
import { relayTo } from '../../definitions/relay-to.ts'
import { type Processor, processor } from '../../definitions/processor.ts'
import type { Start } from '../../definitions/start.ts'
import type { KafkaClientOptions } from './client-options.ts'
import { kafkaConnection } from './connection.ts'
import { bytesOf, fittedMessage } from './message.ts'
import type { Report } from '../../ports/report/notice.ts'
import { runReport } from '../../ports/report/run-report.ts'

export type KafkaRelayOptions<F extends AnyEvents, T extends string> = {
  /** The family or families of the events. */
  readonly from: One<F>
  /** The types of the events. Default: all types. */
  readonly types?: readonly T[]
  /** The brokers of the cluster, such as `127.0.0.1:9092`. */
  readonly brokers: readonly string[]
  /**
   * One topic for all events, or a function that gives the topic of an event. All events of a stream must have one
   * topic: only events within a topic are in order.
   */
  readonly topic: string | ((event: Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>) => string)
  /** The start of a new relay, as of every processor. */
  readonly start?: Start
  /** The most events that are being sent at once, 1 to 10 000. Default: 1 000. */
  readonly inFlightMax?: number
  /** The largest request, and the largest message, in bytes. Not more than `message.max.bytes`. Default: 1 000 000. */
  readonly requestBytesMax?: number
  /** The longest time that Kafka may take to connect, and to acknowledge, in ms. Default: 5 000. */
  readonly deadlineMs?: number
  /** Further options of the client: `ssl`, `sasl`, `clientId` … */
  readonly connect?: KafkaClientOptions
  /** Called once for each outage, with its first error. Default: that of the app. */
  readonly report?: Report
}

const OPTIONS: OptionKinds<keyof KafkaRelayOptions<AnyEvents, string>> = {
  from: 'families',
  types: 'texts?',
  start: 'any?',
  deadlineMs: 'number?',
  report: 'function?',
  brokers: 'texts',
  topic: 'any',
  inFlightMax: 'number?',
  requestBytesMax: 'number?',
  connect: 'object?',
}

/**
 * Sends events to Kafka as they are appended.
 *
 * AT LEAST ONCE, in the order of each stream: the key is the stream. The next events are produced when all in-sync
 * replicas have the ones before (`acks=all`). After a failure, unacknowledged events are produced again, in the same
 * order; a consumer recognises them by `ce_id`.
 *
 * A message is a CloudEvent in binary mode: the attributes are headers (`ce_id`, `ce_type` …), the value is the event's
 * data.
 *
 * While Kafka is unavailable, only this relay waits: it has its own checkpoint. A message that Kafka can never accept
 * (too large) parks its stream, as in every processor. The relay does not make topics.
 *
 * @example
 * app({ serve: [order, kafkaRelay('orders-to-kafka', { from: Order, brokers: ['127.0.0.1:9092'], topic: 'orders' })] })
 */
export function kafkaRelay<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: DefinitionName<N, '-'>,
  options: KafkaRelayOptions<F, T>,
): Processor<N> {
  checkOptions(`kafkaRelay('${name}')`, options, OPTIONS)
  const { from, types, topic, start, inFlightMax = 1_000, requestBytesMax = 1_000_000 } = options
  const topicOf = typeof topic === 'string' ? () => topic : topic
  const producerOf = oncePerRun(signal => producer(name, options, signal))
  const relay = processor(name, {
    from,
    ...(types && { types }),
    ...(start !== undefined && { start }),
    batchSize: inFlightMax,
    // The producer itself repeats until Kafka accepts the events. An error means that Kafka never will.
    retry: { forMs: 0 },
    attemptMs: null,
    handle: async (events, { cloudEvent, signal }) => {
      const produce = producerOf(signal)
      const all = events.map(event => ({
        topic: topicOf(event),
        message: fittedMessage(cloudEvent(event), Date.now(), requestBytesMax),
      }))
      for (const request of splitRequests(all, requestBytesMax)) await produce(request)
    },
  })
  return relayTo(targetOf(options), relay)
}

/** The topics of a function are not known before its events are, so its cluster is named. */
function targetOf<F extends AnyEvents, T extends string>({ topic, brokers }: KafkaRelayOptions<F, T>): Target {
  if (typeof topic === 'string') return { kind: 'topic', system: 'kafka', name: topic }
  return { kind: 'service', system: 'kafka', name: brokers.join(',') }
}

type KafkaMessage = { readonly topic: string; readonly message: Message }
type KafkaReceiver = Pick<KafkaRelayOptions<AnyEvents, string>, 'brokers' | 'connect' | 'deadlineMs' | 'report'>

function producer(relay: string, { brokers, connect, deadlineMs = 5_000, report }: KafkaReceiver, signal: AbortSignal) {
  const { producer, renew } = kafkaConnection({ brokers, connect, deadlineMs, signal })
  const breaker = new Breaker({ relay, signal, receiver: 'Kafka', report: report ?? runReport(signal) })
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

/**
 * Divides messages into parts of at most `bytesMax`, in order. Throws DeliveryRefused for a single message that is
 * larger.
 */
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
