// The entry of commands: their data is parsed, and they join the queues of their streams.
import { parseHidingSecrets } from '../definitions/secret-fields.ts'
import { patience } from '../lib/patience.ts'
import { AccessRefused } from '../definitions/access/access.ts'
import type { Verdict } from '../definitions/access/allow.ts'
import { type Command, fingerprintOfAll } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { initiatorOf } from '../definitions/event/actor.ts'
import { type CustomMeta, customMetaProblem } from '../definitions/event/custom-meta.ts'
import { rememberFit, type Meta } from '../definitions/event/events.ts'
import { nameProblem } from '../definitions/event/names.ts'
import { describeNames } from '../definitions/nearest-name.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import type { TraceContext } from '../ports/trace/trace.ts'
import type { Dispatcher } from './dispatcher.ts'
import { streamsReadByAll } from './streams-read.ts'
import { scopeKey } from './caller-keys.ts'
import { type Invalid, invalidOutcome, type Outcome, type Precondition } from './outcome.ts'
import { KEY_KEEP_MS, type PendingCommand } from './pending-command.ts'

export type SendOptions = {
  /**
   * The stream's version before the command: a number (0: it must not exist), a list of them, or `exists`. Default: any
   * version.
   */
  readonly expect?: Precondition
  /**
   * An idempotency key. The same command of the same actor with the same key has one effect and the same outcome, for
   * `keepMs`.
   */
  readonly key?: string
  /** Whether the key is the framework's own, in a namespace that no header reaches. Default: false. */
  readonly isOwnKey?: boolean
  /**
   * How long the key is known, in ms. Null: until its event cannot come again; a rejection, or no event, is known for a
   * day then, so that it may be decided anew. Default: 86 400 000, a day.
   */
  readonly keepMs?: number | null
  /** Whether the caller chose the id. If not, the id does not count when keys are compared. Default: true. */
  readonly idGiven?: boolean
  /**
   * How long the command may wait, in ms. After that it is `unavailable`, or `unknown` if it was on its way. Default: 5
   * 000.
   */
  readonly deadlineMs?: number
  /**
   * The size of the command while it waits, in bytes, which counts against `queue.size`. Default: 0; HTTP gives the
   * length of the body.
   */
  readonly size?: number
  /** Ends the wait as the deadline does. A command on its way is not abandoned. */
  readonly signal?: AbortSignal
  /** The caller's name, of at most 400 characters. It is stored with the events and given to `decide`. */
  readonly actor?: string
  /** The caller with whose command it began, if that is not the actor. */
  readonly initiator?: string
  /** A name for all that comes of one cause, which all their events have. Default: `causation`. */
  readonly correlation?: string
  /** The name of what led to the command, such as an event's id. Default: a new id. */
  readonly causation?: string
  /** Metadata of one's own, at most 4 096 characters of JSON. Every event of the command has it as `meta.custom`. */
  readonly meta?: CustomMeta
  /** The W3C header of the trace that led to the command, for use without an adapter that records traces. */
  readonly traceparent?: string
  /**
   * The W3C header `baggage` of the caller, of at most 8 192 characters and 64 members. It goes with what the events lead
   * to while they are young, and is not stored. One that is malformed is passed over, with a record.
   */
  readonly baggage?: string
  /** How many commands that trace has gone through. Default: 0. */
  readonly hops?: number
}

/**
 * What an entry from outside adds: `authorize` says whether the caller may send the command on this state. A refusal
 * rejects with AccessRefused.
 */
export type DispatchOptions = SendOptions & { readonly authorize?: (state: unknown) => Verdict }

/**
 * Parses a command's data with its schema: gives the output, or what is wrong. Throws a TypeError if the decider has no
 * such command.
 */
export function parseCommand(decider: DeciderSpec, command: Command): { readonly data: unknown } | Invalid {
  const schema = decider.commands.get(command.command)
  if (!schema) throw new TypeError(`${decider.name} has no command ${command.command}`)
  const wrong = nameProblem('an id', command.id)
  if (wrong) return invalidOutcome([{ path: ['id'], message: wrong }])
  const parsed = parseHidingSecrets(schema, command.data)
  return parsed.success ? { data: parsed.data } : invalidOutcome(parsed.error.issues)
}

/** The options that cannot be: names that are none, and metadata that is no JSON or too long. The framework makes its own keys longer than others may be. */
export function findBadOptions({ isOwnKey = false, key, initiator, meta, ...given }: SendOptions): Invalid['issues'] {
  const { actor, correlation, causation } = given
  const names = { ...(!isOwnKey && { key, initiator }), actor, correlation, causation }
  const bad = Object.entries(names).flatMap(([name, value]) => {
    const wrong = value === undefined ? null : nameProblem(`${/^[ai]/.test(name) ? 'an' : 'a'} ${name}`, value)
    return wrong ? [{ path: `/${name}`, message: wrong }] : []
  })
  const badMeta = meta === undefined ? null : customMetaProblem(meta)
  return badMeta ? [...bad, badMeta] : bad
}

const SEND: Readonly<Record<keyof SendOptions, true>> = {
  ...{ expect: true, key: true, isOwnKey: true, keepMs: true, idGiven: true, deadlineMs: true, size: true, signal: true },
  ...{
    actor: true,
    initiator: true,
    correlation: true,
    causation: true,
    meta: true,
    traceparent: true,
    baggage: true,
    hops: true,
  },
}

/** The sentence about an option that there is not. Null: there is none such. */
export function strayOption(where: string, options: object): string | null {
  for (const name in options)
    if (!Object.hasOwn(SEND, name)) return `${where} has no option ${name}; ${describeNames(name, Object.keys(SEND))}`
  return null
}

/** A command with the output of its schema. */
export type ParsedCommand = { readonly command: Command; readonly data: unknown }

/** `noteEvent`: called with the id of each event that is decided. */
type Sending = {
  readonly dispatcher: Dispatcher
  readonly decider: DeciderSpec
  readonly parsed: readonly ParsedCommand[]
  readonly parent: TraceContext | null
  readonly noteEvent: PendingCommand['noteEvent']
}

/**
 * Sends a command whose data was parsed, or several of one instance as one. It joins the queue of its stream and
 * resolves to its outcome.
 */
export function sendParsed(
  { dispatcher, decider, parsed, parent, noteEvent }: Sending,
  options: DispatchOptions,
): Promise<Outcome> {
  const [command, ...more] = parsed.map(one => fittedCommand(decider, one)) as [Command, ...Command[]]
  const given = parsed.map(one => one.command)
  const { expect, key, signal, actor } = options
  const sentAt = performance.now()
  return new Promise((resolve, reject) => {
    const reads = streamsReadByAll(decider, [command, ...more])
    if (reads && 'outcome' in reads) return resolve(reads)
    dispatcher.enqueue((arrival, onEnd) => ({
      decider,
      command,
      more,
      stream: streamName(decider.name, command.id),
      arrival,
      expect: expect ?? null,
      authorize: options.authorize ?? null,
      key: key === undefined ? null : keyOf(given, key, options),
      keyCheck: key === undefined ? 'done' : expect === undefined ? 'append' : 'before',
      actor: actor ?? null,
      initiator: initiatorOf(options) ?? null,
      meta: metaOf(options, parent),
      noteEvent,
      sentAt,
      deadline: sentAt + (options.deadlineMs ?? patience.commandMs),
      signal: signal ?? null,
      parent,
      size: options.size ?? 0,
      prepared: null,
      reads,
      read: null,
      attempts: 0,
      answer: outcome => {
        onEnd(outcome)
        if (outcome.outcome === 'refused') reject(new AccessRefused(outcome.isHidden))
        else resolve(outcome)
      },
      fail: error => {
        onEnd(null)
        reject(error)
      },
    }))
  })
}

/** The command as it is decided, with the output of its schema. */
function fittedCommand(decider: DeciderSpec, { command, data }: ParsedCommand): Command {
  return { ...command, data: rememberFit(decider.commands.get(command.command)!, data) }
}

function keyOf(
  commands: readonly Command[],
  key: string,
  { idGiven = true, isOwnKey = false, keepMs = KEY_KEEP_MS, actor }: SendOptions,
): PendingCommand['key'] {
  return {
    key: isOwnKey ? `agenda:${key}` : clientKey(commands[0]!, key, actor),
    fingerprint: fingerprintOfAll(commands, idGiven),
    keepMs,
  }
}

/** The key in the log for a client's key, which counts for one command of one actor. */
export function clientKey({ decider, command }: Command, key: string, actor: string | undefined): string {
  return scopeKey(`client:${decider}.${command}:${key}`, actor)
}

/** The metadata of all events that a command leads to. */
export function metaOf(
  { correlation, causation, actor, initiator, meta, ...sent }: SendOptions,
  parent: TraceContext | null,
): Omit<Meta, 'schema'> {
  const cause = causation ?? Bun.randomUUIDv7()
  const traceparent = parent?.traceparent ?? sent.traceparent
  const hops = traceparent !== undefined && sent.hops ? sent.hops : null
  return {
    correlation: correlation ?? cause,
    causation: cause,
    ...(traceparent && { traceparent }),
    ...(hops !== null && { hops }),
    ...(actor !== undefined && { actor }),
    ...(initiator !== undefined && { initiator }),
    ...(meta !== undefined && { custom: meta }),
  }
}
