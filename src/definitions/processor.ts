import { errorWithoutSecrets } from './secret-fields.ts'
import type { Command } from './decider/command.ts'
import { checkDefinitionName, type DefinitionName } from './definition-name.ts'
import type { Rejection } from './decider/reject.ts'
import type { CloudEvent } from './event/cloud-event.ts'
import type { Target } from './endpoint.ts'
import { type AnyEvents, type Recorded, spec } from './event/events.ts'
import { requireKey } from './event/names.ts'
import { checkOptions, type OptionKinds } from './options.ts'
import type { Reads } from './reads.ts'
import { type CompiledStart, compileStart, type Start } from './start.ts'
import { type Families, familiesOf, type In, type One, type TypesByCategory } from './event/families.ts'

/**
 * Values and functions that a handler gets besides the events. `row`, `rows`, `query`, `state`, `events` and `lastEvent` read as
 * the runtime's do. A read that has to include the event asks for its position: `row(orders, key, { atLeast: event.position })`.
 */
export type Handling = Reads & {
  /** A name for the handling of this event, the same in each attempt: for a service that takes idempotency keys. */
  readonly keyOf: (event: Recorded) => string
  /**
   * Converts an event to a CloudEvent for the world outside, with its data in today's schema and with the event's own
   * `id`. Of an event that was split, the first part has that id, and the others have `.1`, `.2` … behind it.
   */
  readonly cloudEvent: (event: Recorded) => CloudEvent
  /**
   * Sends a command because of an event. Its key is made of both, so it has one effect however often and however
   * late the event is handled. A `reset` by more than 30 days sends again. A rejection is kept for a day. Resolves to the rejection, or to null if the command was accepted. Rejects if the outcome is unknown, and
   * the event is handled again.
   */
  readonly send: (event: Recorded, command: Command) => Promise<Pick<Rejection, 'code' | 'data'> | null>
  /**
   * Asks to stop once these events are handled, on all nodes and until `resume`. What other keys are doing ends, and
   * nothing more begins. `reason` is for whoever reads the warning. An attempt that fails stops nothing.
   *
   * @example
   * handle: ([event], { stop }) => { if (event.type === 'YearClosed') stop('the year is closed: check the books first') }
   */
  readonly stop: (reason: string) => void
  /** The number of this attempt, 1 at first. */
  readonly attempt: number
  /**
   * Aborts when the process stops, and when the time of the attempt is over. The attempt has failed then, whatever
   * still comes of it.
   */
  readonly signal: AbortSignal
}

/** How long an attempt may take where it is not said, and at most. */
const ATTEMPT_MS = 60_000
const ATTEMPT_MS_MAX = 86_400_000

/** When an event whose handling fails is tried again. */
export type RetryPolicy = {
  /** The longest pause after the first failure, in ms. It doubles with each further one. Default: 100. */
  readonly firstMs: number
  /** The longest pause of all, in ms. Default: 300 000, which is 5 minutes. */
  readonly maxMs: number
  /**
   * How long an event is tried again, in ms. Then its key is parked. 0: its key is parked after the first failure.
   * Default: 86 400 000, which is a day.
   */
  readonly forMs: number
}
const RETRY: RetryPolicy = { firstMs: 100, maxMs: 300_000, forMs: 86_400_000 }
const RETRY_MS_MAX = 31 * 86_400_000

/** A processor as the framework runs it. */
export type ProcessorSpec = {
  readonly kind: 'processor'
  readonly name: string
  readonly families: Families
  readonly filter: TypesByCategory
  readonly start: CompiledStart
  readonly batchSize: number
  readonly parallelism: number
  readonly retry: RetryPolicy
  readonly attemptMs: number | null
  /** Where a relay sends to. Null: it is no relay. */
  readonly target: Target | null
  readonly key: (event: Recorded) => string
  readonly handle: (events: readonly Recorded[], handling: Handling) => unknown
}
export type Processor<N extends string> = { readonly [spec]: ProcessorSpec & { readonly name: N } }

type ProcessorOptions<F extends AnyEvents, T extends In<F>['type'] = In<F>['type']> = {
  /** The family or families whose facts it handles. */
  readonly from: One<F>
  /** The types of the events that it handles. Default: all types. */
  readonly types?: readonly T[]
  /**
   * Where a processor begins that is new to the log: `beginning`, `now`, after a position, or `{ at: time }`.
   * Default: the beginning of an empty log. Where the log is not empty, a new processor without a `start` is refused.
   */
  readonly start?: Start
  /** How many events of one key `handle` gets at once, at most. Default: 1. */
  readonly batchSize?: number
  /** How many keys are handled side by side. Default: 1. */
  readonly parallelism?: number
  /**
   * When an event is tried again after a failure. The pauses are random, up to a bound that doubles from `firstMs` to
   * `maxMs`. After `forMs` the key is parked. `forMs` counts on over restarts; the pauses begin anew. Default: pauses
   * of up to 5 minutes, for a day.
   */
  readonly retry?: Partial<RetryPolicy>
  /**
   * How long an attempt may take, in ms, before it counts as failed. Its `signal` aborts then. Give the signal to
   * `fetch` and to other clients: code that goes on regardless may overlap with the next attempt. Null: no limit, and
   * the signal is that of the process. Default: 60 000.
   */
  readonly attemptMs?: number | null
  /** Gives the key of an event. Events of one key stay in order. Default: the event's stream. */
  readonly key?: (event: Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>) => string
  /** A function `(events, { keyOf, cloudEvent, send, stop, row, rows, query, state, events, lastEvent, attempt, signal })`, with at most `batchSize` events at once. */
  readonly handle: (events: readonly Recorded<Extract<In<F>, { readonly type: NoInfer<T> }>>[], handling: Handling) => unknown
}

/**
 * Runs code with effects over the log, as it grows: mails, calls, indexes elsewhere.
 *
 * AT LEAST ONCE: an event is handled again after a crash, so give `keyOf(event)` to every service that can recognise
 * it. Events of one key are handled in order, one batch after the other. A key whose event fails holds up no other key:
 * its later events wait, and the rest goes on.
 *
 * @example
 * processor('mails', { from: Order, types: ['Shipped'], handle: ([event], { keyOf }) => mail.send(event.data, { key: keyOf(event) }) })
 */
export function processor<const N extends string, F extends AnyEvents, const T extends In<F>['type'] = In<F>['type']>(
  name: DefinitionName<N, '-'>,
  options: ProcessorOptions<F, T>,
): Processor<N> {
  const where = `processor('${name}')`
  checkDefinitionName(where, '-', name)
  checkOptions(where, options, OPTIONS)
  const { types, start, batchSize = 1, parallelism = 1, retry = {}, attemptMs = ATTEMPT_MS, key, handle } = options
  checkOptions(`${where}: retry`, retry, { firstMs: 'number?', maxMs: 'number?', forMs: 'number?' })
  for (const [what, value] of Object.entries({ batchSize, parallelism }))
    if (!(Number.isSafeInteger(value) && value >= 1 && value <= 10_000))
      throw new TypeError(`${where}: expected ${what} from 1 to 10000, found ${value}`)
  if (attemptMs !== null && !(Number.isSafeInteger(attemptMs) && attemptMs >= 1 && attemptMs <= ATTEMPT_MS_MAX))
    throw new TypeError(`${where}: expected an attemptMs of 1 to ${ATTEMPT_MS_MAX}, or null, found ${attemptMs}`)
  const policy = { ...RETRY, ...retry }
  checkRetry(where, policy)
  const families = familiesOf(where, options.from)
  const definition: ProcessorSpec = {
    kind: 'processor',
    name,
    families,
    filter: filterOf(where, families, types),
    start: compileStart(where, start),
    batchSize,
    parallelism,
    retry: policy,
    attemptMs,
    target: null,
    // The events are those that `from` and `types` name.
    key: key ? event => keyOf(where, key as ProcessorSpec['key'], event) : ({ stream }) => stream,
    handle: handle as ProcessorSpec['handle'],
  }
  return Object.freeze({ [spec]: definition }) as Processor<N>
}

const OPTIONS: OptionKinds<keyof ProcessorOptions<AnyEvents>> = {
  from: 'families',
  types: 'texts?',
  start: 'any?',
  batchSize: 'number?',
  parallelism: 'number?',
  retry: 'object?',
  attemptMs: 'any?',
  key: 'function?',
  handle: 'function',
}

function keyOf(where: string, key: ProcessorSpec['key'], event: Recorded): string {
  try {
    return requireKey(where, event, key(event))
  } catch (error) {
    throw errorWithoutSecrets(error, event.data)
  }
}

function checkRetry(where: string, { firstMs, maxMs, forMs }: RetryPolicy): void {
  for (const [what, value, least] of [
    ['firstMs', firstMs, 1],
    ['maxMs', maxMs, firstMs],
    ['forMs', forMs, 0],
  ] as const)
    if (!(Number.isSafeInteger(value) && value >= least && value <= RETRY_MS_MAX))
      throw new TypeError(`${where}: expected a retry.${what} of ${least} to ${RETRY_MS_MAX}, found ${value}`)
}

/**
 * The types to read. With `types`, old names that may become one of them are read too, and the events are checked
 * afterwards.
 */
export function filterOf(where: string, families: Families, types: readonly string[] | undefined): TypesByCategory {
  if (!types) return new Map([...families.keys()].map(category => [category, null]))
  const stranger = types.find(type => ![...families.values()].some(family => family.types.has(type)))
  if (stranger !== undefined) throw new TypeError(`${where}: ${stranger} is no event of its families`)
  return new Map(
    [...families.values()].map(({ name, types: all, was }) => [
      name,
      [...[...all.keys()].filter(type => types.includes(type)), ...was.keys()],
    ]),
  )
}

/** Whether a processor's filter lets an event of today's types through. */
export function canHandle({ filter }: Pick<ProcessorSpec, 'filter'>, { category, type }: Recorded): boolean {
  const types = filter.get(category)
  return types === null || (types?.includes(type) ?? false)
}
