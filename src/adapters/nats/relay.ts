// Events to NATS JetStream: a subscription on the log whose handler publishes.
import type { ConnectionOptions } from '@nats-io/transport-node'
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { deliverInOrder } from '../delivery/in-order.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import { type CloudEvent, encodeCloudEvent } from '../../definitions/event/cloud-event.ts'
import type { AnyEvents, Recorded } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import { type Processor, processor } from '../../definitions/processor.ts'
import { natsConnection, type OpenConnection } from './connection.ts'

export type NatsRelayOptions<F extends AnyEvents, T extends string> = {
  /** The family or families whose facts are sent; `types` names some of their types. Default: all. */
  readonly from: One<F>
  readonly types?: readonly T[]
  /** Where NATS is, as `nats://127.0.0.1:4222`, or several of one cluster. */
  readonly servers: string | readonly string[]
  /**
   * The JetStream stream that keeps the messages. One that is there is taken as it is. Where there is none it is made: on disk, for
   * `{stream}.>`, knowing repetitions for two minutes.
   */
  readonly stream: string
  /** Default: `{stream}.{category}.{type}`, as `SHOP.order.Placed`. The stream has to take it. */
  readonly subject?: (event: Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>) => string
  /** Where a relay that is new begins: `beginning`, `now` or after a position. Default: `beginning`. */
  readonly start?: 'beginning' | 'now' | number
  /** The most events on their way at once, 1 to 10 000. Default: 1 000. */
  readonly inFlightMax?: number
  /** How long NATS may take to connect, and to acknowledge, in ms. Default: 5 000. */
  readonly deadlineMs?: number
  /** Further options of the client: `user`, `pass`, `token`, `tls`, `authenticator` … */
  readonly connect?: Omit<ConnectionOptions, 'servers' | 'reconnect'>
  /** Is called once for each outage, with its first error. Default: console.error. */
  readonly report?: (error: unknown) => void
}

/**
 * Sends events to NATS JetStream as they are appended.
 *
 * AT LEAST ONCE, in the order of each stream: an event is sent when the one before it is acknowledged, and streams go side by side. The
 * `Nats-Msg-Id` is the event's id, so within the `duplicate_window` of the JetStream stream what is sent again is kept once; beyond it
 * a consumer knows it by its id. Let the window be longer than the longest outage of NATS or of the app that is to leave no duplicates.
 *
 * A message is a CloudEvent in JSON (structured mode, as the NATS binding of CloudEvents 1.0.2 has it).
 *
 * While NATS is away the relay waits, and nothing else does: it has a checkpoint of its own. What NATS can never take (larger than its
 * `max_payload` or the stream's `max_msg_size`) parks its stream, as in every processor.
 *
 * @example
 * app({ serve: [order, natsRelay('orders-to-nats', { from: Order, servers: 'nats://127.0.0.1:4222', stream: 'SHOP' })] })
 */
export function natsRelay<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: N,
  options: NatsRelayOptions<F, T>,
): Processor<N> {
  const { from, types, start = 'beginning', inFlightMax = 1_000 } = options
  const { stream, subject = ({ category, type }: Recorded) => `${stream}.${category}.${type}` } = options
  if (!/^[\w-]{1,255}$/.test(stream)) throw new TypeError(`natsRelay('${name}'): no stream of JetStream is named ${stream}`)
  const publisherOf = oncePerRun(signal => publisher(options, signal))
  return processor(name, {
    from,
    ...(types && { types }),
    start,
    batchSize: inFlightMax,
    // The publisher itself tries until NATS takes the event; an error means that it never will.
    attempts: 1,
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
}

type NatsReceiver = Pick<NatsRelayOptions<AnyEvents, string>, 'servers' | 'stream' | 'connect' | 'deadlineMs' | 'report'>
type Publish = (subject: string, event: CloudEvent) => Promise<void>

function publisher(
  { servers, stream, connect, deadlineMs = 5_000, report = console.error }: NatsReceiver,
  signal: AbortSignal,
): Publish {
  const openConnection = natsConnection({
    connect: { ...connect, servers: typeof servers === 'string' ? servers : [...servers] },
    prepare: opened => ensureStream(opened, stream),
    deadlineMs,
    signal,
  })
  const breaker = new Breaker({ signal, report })
  return (subject, event) => breaker.deliver(async () => publishOne(await openConnection(), stream, subject, event))
}

async function publishOne(opened: OpenConnection, stream: string, subject: string, event: CloudEvent): Promise<void> {
  const { connection, jetstream, nats } = opened
  const payload = Buffer.from(encodeCloudEvent(event))
  const { id } = event.attributes
  const max = connection.info?.max_payload ?? Number.POSITIVE_INFINITY
  // Headers count too, and NATS ends the connection of who sends more.
  if (payload.length + HEADER_BYTES > max)
    throw new DeliveryRefused(`NATS takes ${max} bytes in a message; the event ${id} has ${payload.length}`)
  const headers = nats.headers()
  headers.set('content-type', 'application/cloudevents+json; charset=utf-8')
  try {
    await jetstream.publish(subject, payload, { msgID: id, headers, expect: { streamName: stream } })
  } catch (error) {
    // Whatever else it is, a connection that is made anew finds a server that answers, and a stream.
    if (!(error instanceof nats.JetStreamApiError)) void connection.close()
    else if (error.code === MESSAGE_TOO_LARGE) throw new DeliveryRefused(`JetStream refused the event ${id}`, { cause: error })
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
