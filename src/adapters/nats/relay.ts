// Sends events to NATS JetStream: a subscription on the log whose handler publishes messages.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import type { DefinitionName } from '../../definitions/definition-name.ts'
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { deliverInOrder } from '../delivery/in-order.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import { sendFitted, type TraceHeaders, traceHeaders } from '../delivery/trace-headers.ts'
import { type CloudEvent, encodeCloudEvent } from '../../definitions/event/cloud-event.ts'
import type { AnyEvents, Recorded } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import { relayTo } from '../../definitions/relay-to.ts'
import { type Processor, processor } from '../../definitions/processor.ts'
import type { Start } from '../../definitions/start.ts'
import type { NatsClientOptions } from './client-options.ts'
import { natsConnection, type OpenConnection } from './connection.ts'
import type { Report } from '../../ports/report/notice.ts'
import { runReport } from '../../ports/report/run-report.ts'

export type NatsRelayOptions<F extends AnyEvents, T extends string> = {
  /** The family or families of the events. */
  readonly from: One<F>
  /** The types of the events. Default: all types. */
  readonly types?: readonly T[]
  /** The NATS server, such as `nats://127.0.0.1:4222`, or several of one cluster. */
  readonly servers: string | readonly string[]
  /**
   * The JetStream stream for the messages. An existing stream is not changed. A missing one is made: on disk, for
   * `{stream}.>`, with detection of duplicates for two minutes.
   */
  readonly stream: string
  /**
   * The subject of an event. The stream has to accept it. Default: `{stream}.{category}.{type}`, such as
   * `SHOP.order.Placed`.
   */
  readonly subject?: (event: Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>) => string
  /** The start of a new relay, as of every processor. */
  readonly start?: Start
  /** The most events that are being sent at once, 1 to 10 000. Default: 1 000. */
  readonly inFlightMax?: number
  /** The longest time that NATS may take to connect, and to acknowledge, in ms. Default: 5 000. */
  readonly deadlineMs?: number
  /** Further options of the client: `user`, `pass`, `token`, `tls`, `authenticator` … */
  readonly connect?: NatsClientOptions
  /** Called once for each outage, with its first error. Default: that of the app. */
  readonly report?: Report
}

const OPTIONS: OptionKinds<keyof NatsRelayOptions<AnyEvents, string>> = {
  from: 'families',
  types: 'texts?',
  start: 'any?',
  deadlineMs: 'number?',
  report: 'function?',
  servers: 'any',
  stream: 'text',
  subject: 'function?',
  inFlightMax: 'number?',
  connect: 'object?',
}

/**
 * Sends events to NATS JetStream as they are appended.
 *
 * AT LEAST ONCE, in the order of each stream: an event is sent when the one before it is acknowledged. Different
 * streams are sent side by side.
 * The `Nats-Msg-Id` is the event's id. So JetStream stores a repeated event once within the `duplicate_window` of its
 * stream; after that a consumer recognises it by its id. For no duplicates, let the window be longer than the longest
 * outage of NATS or of the app.
 *
 * A message is a CloudEvent in JSON (structured mode of the NATS binding of CloudEvents 1.0.2).
 *
 * While NATS is unavailable, only this relay waits: it has its own checkpoint. A message that NATS can never accept
 * (larger than its `max_payload` or the stream's `max_msg_size`) parks its stream, as in every processor.
 *
 * @example
 * app({ serve: [order, natsRelay('orders-to-nats', { from: Order, servers: 'nats://127.0.0.1:4222', stream: 'SHOP' })] })
 */
export function natsRelay<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: DefinitionName<N, '-'>,
  options: NatsRelayOptions<F, T>,
): Processor<N> {
  checkOptions(`natsRelay('${name}')`, options, OPTIONS)
  const { from, types, start, inFlightMax = 1_000 } = options
  const { stream, subject = ({ category, type }: Recorded) => `${stream}.${category}.${type}` } = options
  if (!/^[\w-]{1,255}$/.test(stream)) throw new TypeError(`natsRelay('${name}'): no stream of JetStream is named ${stream}`)
  const publisherOf = oncePerRun(signal => publisher(name, options, signal))
  // The subjects of a function are not known before its events are.
  const target = { kind: 'topic', system: 'nats', name: options.subject ? stream : `${stream}.>` } as const
  const relay = processor(name, {
    from,
    ...(types && { types }),
    ...(start !== undefined && { start }),
    batchSize: inFlightMax,
    // The publisher itself repeats until NATS accepts the event. An error means that NATS never will.
    retry: { forMs: 0 },
    attemptMs: null,
    handle: (events, { cloudEvent, signal }) => {
      const publish = publisherOf(signal)
      return deliverInOrder(
        events,
        event => event.stream,
        event => publish(subject(event), cloudEvent(event)),
      )
    },
  })
  return relayTo(target, relay)
}

type NatsReceiver = Pick<NatsRelayOptions<AnyEvents, string>, 'servers' | 'stream' | 'connect' | 'deadlineMs' | 'report'>
type Publish = (subject: string, event: CloudEvent) => Promise<void>

function publisher(
  relay: string,
  { servers, stream, connect, deadlineMs = 5_000, report }: NatsReceiver,
  signal: AbortSignal,
): Publish {
  const openConnection = natsConnection({
    connect: { ...connect, servers: typeof servers === 'string' ? servers : [...servers] },
    prepare: opened => ensureStream(opened, stream),
    deadlineMs,
    signal,
  })
  const breaker = new Breaker({ relay, signal, receiver: 'NATS', report: report ?? runReport(signal) })
  return (subject, event) => breaker.deliver(async () => publishOne(await openConnection(), stream, subject, event))
}

async function publishOne(opened: OpenConnection, stream: string, subject: string, event: CloudEvent): Promise<void> {
  const { connection, jetstream, nats } = opened
  const payload = Buffer.from(encodeCloudEvent(event))
  const { id } = event.attributes
  const max = connection.info?.max_payload ?? Number.POSITIVE_INFINITY
  // Headers count too, and NATS ends the connection after a larger message.
  if (payload.length + HEADER_BYTES > max)
    throw new DeliveryRefused(`NATS takes ${max} bytes in a message; the event ${id} has ${payload.length}`)
  const whole = traceHeaders(event, Date.now())
  const { baggage, ...trace } = whole
  const publish = (carried: TraceHeaders) => {
    const headers = nats.headers()
    headers.set('content-type', 'application/cloudevents+json; charset=utf-8')
    for (const [name, value] of Object.entries(carried)) headers.set(name, value)
    return jetstream.publish(subject, payload, { msgID: id, headers, expect: { streamName: stream } })
  }
  const isTooLarge = (error: unknown) => error instanceof nats.JetStreamApiError && error.code === MESSAGE_TOO_LARGE
  const hasRoom = payload.length + HEADER_BYTES + (baggage?.length ?? 0) <= max
  try {
    await sendFitted(hasRoom ? whole : trace, publish, isTooLarge)
  } catch (error) {
    if (isTooLarge(error)) throw new DeliveryRefused(`JetStream refused the event ${id}`, { cause: error })
    // After any other error a new connection finds a server that answers, and a stream.
    if (!(error instanceof nats.JetStreamApiError)) void connection.close()
    throw error
  }
}

async function ensureStream({ connection, nats }: OpenConnection, name: string): Promise<void> {
  const manager = await nats.jetstreamManager(connection)
  try {
    await manager.streams.info(name)
  } catch (error) {
    if (!(error instanceof Error && error.name === 'StreamNotFoundError')) throw error
    await manager.streams.add({ name, subjects: [`${name}.>`], duplicate_window: DUPLICATE_WINDOW_NS })
  }
}

const HEADER_BYTES = 1_024
/** JSStreamMessageExceedsMaximumErr. */
const MESSAGE_TOO_LARGE = 10054
const DUPLICATE_WINDOW_NS = 120 * 1_000_000_000
