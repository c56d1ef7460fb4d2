// Events to an HTTP endpoint: a subscription on the log whose handler posts signed messages.
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import { type CloudEvent, encodeCloudEvent } from '../../definitions/event/cloud-event.ts'
import type { AnyEvents } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import { type Processor, processor } from '../../definitions/processor.ts'
import { Gone, NotAccepted, post } from './post.ts'
import { keysOf, sign } from './signature.ts'

export type WebhooksOptions<F extends AnyEvents, T extends string> = {
  /** The family or families whose facts are sent; `types` names some of their types. Default: all. */
  readonly from: One<F>
  readonly types?: readonly T[]
  /** The endpoint. */
  readonly url: string
  /** What messages are signed with: `whsec_` and base64. While it is replaced, the new and the old one; each signs. */
  readonly secrets: string | readonly string[]
  /** Where an endpoint that is new begins: `beginning`, `now` or after a position. Default: `beginning`. */
  readonly start?: 'beginning' | 'now' | number
  /** So many streams are sent side by side. Default: 1, which keeps the order of the log. */
  readonly parallelism?: number
  /** How often a message is sent that the endpoint answers and does not take, before its stream is parked. Default: 20, about two minutes. */
  readonly attempts?: number
  /** How long the endpoint may take to answer, in ms. Default: 15 000. */
  readonly deadlineMs?: number
  /** Further headers of each message. */
  readonly headers?: Readonly<Record<string, string>>
  /** Told once of each outage, with its first error, and when the endpoint wants no more. Default: console.error. */
  readonly report?: (error: unknown) => void
  /** In ms since 1970. Default: Date.now. */
  readonly now?: () => number
}

/**
 * Sends events to one endpoint as they are appended, signed by Standard Webhooks: `webhook-id` is the event's id, `webhook-timestamp` the
 * time of the attempt, `webhook-signature` has one signature for each secret. The body is a CloudEvent in JSON.
 *
 * AT LEAST ONCE, in the order of each stream (by default in that of the log): who receives knows by `webhook-id` what he has already.
 *
 * What an answer means:
 * - 2xx: the message is taken.
 * - 408, 425, 429, 502 to 504, no answer within `deadlineMs`, no connection: the endpoint is away. One message is tried on, with pauses
 *   of up to 10 s or as `Retry-After` says, and the others wait. Nothing is given up, and no other subscription waits.
 * - 410: the endpoint wants no more. Nothing more is sent until the process starts again; the checkpoint stays where it is.
 * - Any other: this message is not taken. It is tried again, with growing pauses, and then its stream is parked, as in every processor:
 *   `parked` shows the dead letters, `unpark` sends them again, in order.
 *
 * Throws a TypeError for what is no URL and no secret.
 *
 * @example
 * webhooks('partner', { from: Order, types: ['Shipped'], url: 'https://example.com/hooks', secrets: process.env.PARTNER_SECRET! })
 */
export function webhooks<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: N,
  options: WebhooksOptions<F, T>,
): Processor<N> {
  const { from, types, start = 'beginning', parallelism = 1, attempts = 20, url, secrets } = options
  const where = `webhooks('${name}')`
  if (!['http:', 'https:'].includes(URL.parse(url)?.protocol ?? '')) throw new TypeError(`${where}: no endpoint is at ${url}`)
  const keys = keysOf(where, secrets)
  const endpointOf = oncePerRun(signal => endpoint(where, options, keys, signal))
  return processor(name, {
    from,
    ...(types && { types }),
    start,
    parallelism,
    attempts,
    // The endpoint is waited for, however long it is away.
    attemptMs: null,
    handle: async ([event], { cloudEvent, signal }) => await endpointOf(signal)(cloudEvent(event!)),
  })
}

type WebhookReceiver = Pick<WebhooksOptions<AnyEvents, string>, 'url' | 'deadlineMs' | 'headers' | 'report' | 'now'>

function endpoint(where: string, options: WebhookReceiver, keys: readonly Buffer[], signal: AbortSignal) {
  const { url, deadlineMs = 15_000, headers = {}, report = console.error, now = Date.now } = options
  const breaker = new Breaker({ signal, report })
  let isGone = false

  const attempt = async (event: CloudEvent): Promise<void> => {
    if (isGone) await rejectOnStop(signal)
    const body = encodeCloudEvent(event)
    const proof = sign(keys, event.attributes.id, Math.floor(now() / 1_000), body)
    try {
      await post({ url, headers: { ...headers, ...TYPE, ...proof }, body, deadlineMs, signal }, now)
    } catch (error) {
      if (!(error instanceof Gone || error instanceof NotAccepted)) throw error
      isGone ||= error instanceof Gone
      // There was an answer, so the endpoint is not away.
      throw new DeliveryRefused(error.message, { cause: error })
    }
  }
  return async (event: CloudEvent): Promise<void> => {
    const wasGone = isGone
    try {
      await breaker.deliver(() => attempt(event))
    } catch (error) {
      if (!isGone) throw error instanceof DeliveryRefused ? error.cause : error
      if (!wasGone) report(new Error(`${where} sends nothing more until the process starts again`, { cause: error }))
      await rejectOnStop(signal)
    }
  }
}

/** Rejects once the process stops. */
async function rejectOnStop(signal: AbortSignal): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (!signal.aborted) await promise
  throw signal.reason
}

const TYPE = { 'Content-Type': 'application/cloudevents+json; charset=utf-8' }
