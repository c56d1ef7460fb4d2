// Turns messages from elsewhere into commands. Each message has one effect, however often it comes.
import { errorWithoutSecrets, noteSecretFields } from '../definitions/secret-fields.ts'
import { checkOptions, type OptionKinds } from '../definitions/options.ts'
import type { z } from 'zod'
import { checkDefinitionName, type DefinitionName } from '../definitions/definition-name.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { Endpoint, InboxSpec } from '../definitions/endpoint.ts'
import { ownActor } from '../definitions/event/actor.ts'
import { spec } from '../definitions/event/events.ts'
import { nameProblem } from '../definitions/event/names.ts'
import { type Meter, unmetered } from '../ports/metrics/meter.ts'
import type { Commands } from './commands.ts'
import type { SendOptions } from './send.ts'
import {
  invalidOutcome,
  type Accepted,
  type Invalid,
  type Later,
  type Outcome,
  type Rejected,
  type Unavailable,
  type Unknown,
} from './outcome.ts'
import type { Verify } from './verify.ts'

/** The outcome of a message. With `retryAfterMs` the message has to be delivered again; without, it is done. */
export type Taken =
  | Accepted
  | Rejected
  | Later
  | Invalid
  | Unavailable
  | Unknown
  /** The message leads to no command. */
  | { readonly outcome: 'ignored' }

export type TakeOptions = Pick<
  SendOptions,
  'actor' | 'meta' | 'correlation' | 'traceparent' | 'baggage' | 'signal' | 'deadlineMs' | 'size'
> & {
  /** Gives a header of the message by its name in small letters. Default: there are none. */
  readonly header?: (name: string) => string | undefined
}

export type Inbox = {
  readonly [spec]: InboxSpec
  readonly name: string
  /** Checks that an HTTP request is authentic. Null: the inbox cannot check, and takes nothing by HTTP. */
  readonly verify: Verify | null
  /**
   * Takes a message that the consumer of a broker has parsed and trusts. Acknowledge it to the broker unless the answer
   * has `retryAfterMs`. The same message again has no further effect and gets the same answer, with `replayed`.
   */
  readonly take: (emaki: Pick<Commands, 'send'>, message: unknown, options?: TakeOptions) => Promise<Taken>
}

type InboxOptions<S extends z.ZodType> = {
  /** The schema of a message. A message that does not fit is `invalid`. */
  readonly message: S
  /**
   * The name by which the sender repeats a message, 1 to 400 characters. Two messages with one id are the same.
   * Default: the header `webhook-id`, which is signed, else the message's own `id`, as a CloudEvent has one.
   */
  readonly id?: (message: z.output<NoInfer<S>>, header: (name: string) => string | undefined) => string
  /**
   * Gives the command for a message, or null for none. It has to give the same command for the same message, so let
   * it use no clock and no randomness: another command by a known id is rejected as `idempotency-key-reused`.
   */
  readonly command: (message: z.output<NoInfer<S>>) => Command | null
  /**
   * Checks HTTP requests: `standardWebhooks('whsec_…')` of emaki/webhooks, or a function of your own. Default:
   * nothing is taken by HTTP.
   */
  readonly verify?: Verify
  /**
   * How long an id is known, in ms. Let it be longer than the sender goes on repeating. Default: 604 800 000, a week.
   */
  readonly keepMs?: number
  /**
   * Where the messages come from, `{ service: 'shop' }` or `{ topic: 'SHOP.>' }`, as `flow` draws it in an app that
   * serves the inbox. Default: it is not known.
   */
  readonly source?: { readonly service: string } | { readonly topic: string }
}

const OPTIONS: OptionKinds<keyof InboxOptions<z.ZodType>> = {
  message: 'schema',
  id: 'function?',
  command: 'function',
  verify: 'function?',
  keepMs: 'number?',
  source: 'object?',
}

/**
 * Turns messages from elsewhere into commands, each with one effect.
 *
 * @example
 * const payments = inbox('payments', {
 *   message: z.object({ type: z.string(), data: z.object({ order: z.string() }) }),
 *   command: ({ type, data }) => (type === 'payment.succeeded' ? order.confirmPayment(data.order, {}) : null),
 *   verify: standardWebhooks(process.env.PAYMENTS_SECRET!),
 * })
 * app({ serve: [order] }).post('/webhooks/payments', receive(payments)) // by HTTP: `receive` is in emaki/http
 * const taken = await payments.take(emaki, message) // from a broker
 */
export function inbox<const N extends string, S extends z.ZodType>(
  name: DefinitionName<N, '-'>,
  options: InboxOptions<S>,
): Inbox {
  const where = `inbox('${name}')`
  checkOptions(where, options, OPTIONS)
  const { message: schema, id: idOf, command: commandOf, verify = null, keepMs = KEEP_MS, source } = options
  checkDefinitionName(where, '-', name)
  if (!(Number.isSafeInteger(keepMs) && keepMs > 0)) throw new TypeError(`${where}: expected a keepMs above 0, found ${keepMs}`)

  noteSecretFields([schema])
  const actor = ownActor('inbox', name)
  const takeUnmeasured: Inbox['take'] = async (emaki, message, { header = noHeader, ...sending } = {}) => {
    const parsed = schema.safeParse(message)
    if (!parsed.success) return invalidOutcome(parsed.error.issues)
    const id: unknown = idOf ? idOf(parsed.data, header) : (header('webhook-id') ?? (message as { id?: unknown } | null)?.id)
    const wrong = nameProblem('the id of a message', id)
    if (wrong) return invalidOutcome([{ path: ['id'], message: wrong }])
    const command = commandOf(parsed.data)
    if (!command) return { outcome: 'ignored' }
    // A name is a text.
    const own = { causation: id as string, key: `inbox:${name}:${id}`, isOwnKey: true, keepMs }
    return takenOf(await emaki.send(command, { correlation: own.causation, actor, ...sending, ...own }))
  }
  const take: Inbox['take'] = async (emaki, message, options) => {
    let outcome: string = 'failed'
    try {
      const taken = await takeUnmeasured(emaki, message, options)
      outcome = 'replayed' in taken && taken.replayed ? 'replayed' : taken.outcome
      return taken
    } catch (error) {
      throw errorWithoutSecrets(error, message)
    } finally {
      countMessage(emaki, name, outcome)
    }
  }
  const own: InboxSpec = { kind: 'inbox', name, source: source ? sourceOf(where, source) : null }
  return Object.freeze({ [spec]: own, name, verify, take })
}

/** Counts a message of an inbox by what became of it. */
export function countMessage(emaki: Pick<Commands, 'send'>, inbox: string, outcome: string): void {
  // A runtime has a meter, which its public type does not name. What only sends has none.
  const { metrics = unmetered } = emaki as { readonly metrics?: Meter }
  metrics.counter('emaki.inbox.messages', inbox, outcome).add()
}

/** The outcome of a message. Its command expects no version, so a conflict means only that it lasted too long. */
function takenOf(outcome: Outcome): Taken {
  return outcome.outcome === 'conflict' ? { outcome: 'unavailable', retryAfterMs: CONFLICT_RETRY_MS } : outcome
}

function sourceOf(where: string, source: NonNullable<InboxOptions<z.ZodType>['source']>): Endpoint {
  const [[kind, name] = [], ...more] = Object.entries(source) as readonly [string, string][]
  if ((kind !== 'service' && kind !== 'topic') || typeof name !== 'string' || more.length)
    throw new TypeError(`${where}: expected a source { service: name } or { topic: name }, found ${JSON.stringify(source)}`)
  return { kind, name }
}

const noHeader = () => undefined
const KEEP_MS = 604_800_000
const CONFLICT_RETRY_MS = 1_000
