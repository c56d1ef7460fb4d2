// Sends events to an HTTP endpoint: a subscription on the log whose handler posts signed messages.
import { checkOptions, type OptionKinds } from '../../definitions/options.ts'
import type { DefinitionName } from '../../definitions/definition-name.ts'
import { Breaker, DeliveryRefused } from '../delivery/breaker.ts'
import { oncePerRun } from '../delivery/per-run.ts'
import { traceHeaders } from '../delivery/trace-headers.ts'
import { type CloudEvent, encodeCloudEvent } from '../../definitions/event/cloud-event.ts'
import type { AnyEvents } from '../../definitions/event/events.ts'
import type { In, One } from '../../definitions/event/families.ts'
import { relayTo } from '../../definitions/relay-to.ts'
import { type Processor, processor, type RetryPolicy } from '../../definitions/processor.ts'
import type { Start } from '../../definitions/start.ts'
import { Gone, NotAccepted, post } from './post.ts'
import { keysOf, sign } from './signature.ts'
import type { Report } from '../../ports/report/notice.ts'
import { runReport } from '../../ports/report/run-report.ts'

export type WebhooksOptions<F extends AnyEvents, T extends string> = {
  /** The family or families of the events. */
  readonly from: One<F>
  /** The types of the events. Default: all types. */
  readonly types?: readonly T[]
  /** The URL of the endpoint. */
  readonly url: string
  /**
   * The secrets that sign messages: `whsec_` and base64. While you replace a secret, give the new and the old one; each
   * signs.
   */
  readonly secrets: string | readonly string[]
  /** The start of a new endpoint, as of every processor. */
  readonly start?: Start
  /**
   * How many streams are sent side by side. Default: 1, which keeps the order of the log while every message is accepted.
   */
  readonly parallelism?: number
  /**
   * When a message is sent again that the endpoint answers but does not accept. In the end its stream is parked. Default:
   * after pauses of up to 5 minutes, for a day.
   */
  readonly retry?: Partial<RetryPolicy>
  /** The longest time that the endpoint may take to answer, in ms. Default: 15 000. */
  readonly deadlineMs?: number
  /** Further headers of each message. */
  readonly headers?: Readonly<Record<string, string>>
  /** Called once for each outage, with its first error, and when the endpoint answers 410. Default: that of the app. */
  readonly report?: Report
  /** The clock, in ms since 1970. Default: Date.now. */
  readonly now?: () => number
}

const OPTIONS: OptionKinds<keyof WebhooksOptions<AnyEvents, string>> = {
  from: 'families',
  types: 'texts?',
  start: 'any?',
  deadlineMs: 'number?',
  report: 'function?',
  url: 'text',
  secrets: 'any',
  parallelism: 'number?',
  retry: 'object?',
  headers: 'object?',
  now: 'function?',
}

/**
 * Sends events to one endpoint as they are appended, signed by Standard Webhooks: `webhook-id` is the event's id,
 * `webhook-timestamp` the time of the attempt, `webhook-signature` has one signature for each secret. The body is a
 * CloudEvent in JSON.
 *
 * AT LEAST ONCE, in the order of each stream. The receiver recognises a repeated
 * message by its `webhook-id`.
 *
 * The answers of the endpoint:
 * - 2xx: the message is accepted.
 * - 408, 425, 429, 502 to 504, no answer within `deadlineMs`, no connection: the endpoint is unavailable. One message
 *   is repeated, with pauses of up to 10 s or as `Retry-After` says, and the others wait. No message is dropped, and no
 *   other subscription waits.
 * - 410: the endpoint wants no more messages. Nothing more is sent until the process starts again. The checkpoint stays
 *   where it is.
 * - Any other: the message is not accepted. It is repeated, with growing pauses, while other streams go on. After a day
 *   its stream is parked, as in every processor: `parked` shows the dead letters, `unpark` sends them again, in order.
 *
 * Throws a TypeError for a bad URL and for a bad secret.
 *
 * @example
 * webhooks('partner', { from: Order, types: ['Shipped'], url: 'https://example.com/hooks', secrets: process.env.PARTNER_SECRET! })
 */
export function webhooks<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: DefinitionName<N, '-'>,
  options: WebhooksOptions<F, T>,
): Processor<N> {
  const where = `webhooks('${name}')`
  checkOptions(where, options, OPTIONS)
  const { from, types, start, parallelism = 1, retry, url, secrets } = options
  if (!['http:', 'https:'].includes(URL.parse(url)?.protocol ?? '')) throw new TypeError(`${where}: no endpoint is at ${url}`)
  const keys = keysOf(where, secrets)
  const endpointOf = oncePerRun(signal => endpoint(name, options, keys, signal))
  // The host alone: the rest of a URL may hold secrets.
  const target = { kind: 'service', system: 'http', name: new URL(url).host } as const
  const relay = processor(name, {
    from,
    ...(types && { types }),
    ...(start !== undefined && { start }),
    parallelism,
    ...(retry && { retry }),
    // The relay waits for the endpoint, however long it is unavailable.
    attemptMs: null,
    handle: async ([event], { cloudEvent, signal }) => await endpointOf(signal)(cloudEvent(event!)),
  })
  return relayTo(target, relay)
}

type WebhookReceiver = Pick<WebhooksOptions<AnyEvents, string>, 'url' | 'deadlineMs' | 'headers' | 'report' | 'now'>

function endpoint(relay: string, options: WebhookReceiver, keys: readonly Buffer[], signal: AbortSignal) {
  const where = `webhooks('${relay}')`
  const { url, deadlineMs = 15_000, headers = {}, report = runReport(signal), now = Date.now } = options
  const breaker = new Breaker({ relay, signal, receiver: `the endpoint of ${where}`, report })
  let isGone = false

  const attempt = async (event: CloudEvent): Promise<void> => {
    if (isGone) await rejectOnStop(signal)
    const body = encodeCloudEvent(event)
    const proof = sign(keys, event.attributes.id, Math.floor(now() / 1_000), body)
    try {
      await post(
        { url, headers: { ...headers, ...traceHeaders(event, now()), ...TYPE, ...proof }, body, deadlineMs, signal },
        now,
      )
    } catch (error) {
      if (!(error instanceof Gone || error instanceof NotAccepted)) throw error
      isGone ||= error instanceof Gone
      // The endpoint has answered, so it is available.
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

/** Waits until the process stops, and then rejects. */
async function rejectOnStop(signal: AbortSignal): Promise<never> {
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  if (!signal.aborted) await promise
  throw signal.reason
}

const TYPE = { 'Content-Type': 'application/cloudevents+json; charset=utf-8' }
