// Sends a due entry. A command goes to its decider. A rejection or a failure is appended to the stream of the process
// that sent the command. A timer is appended to the stream of its process.
import { patience } from '../lib/patience.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { Rejection } from '../definitions/decider/reject.ts'
import { SentTooEarly } from '../definitions/decider/sent-too-early.ts'
import type { SendOptions } from '../dispatch/send.ts'
import type { Accepted, Conflicted, Invalid, Outcome, Rejected } from '../dispatch/outcome.ts'
import type { AppendOutcome, AppendSlice } from '../dispatch/append-request.ts'
import type { Event, Recorded } from '../definitions/event/events.ts'
import { PayloadError } from '../definitions/event/payload.ts'
import { ownActor } from '../definitions/event/actor.ts'
import { metaCausedBy } from '../definitions/event/recorded.ts'
import type { EntryMeta } from '../definitions/process/instance.ts'
import { type CommandAnswered, cutAnswer, DUE, type TimerFired, withRefusal } from '../definitions/process/process-events.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import type { Baggages } from '../ports/trace/baggage.ts'
import type { Trace, TraceContext } from '../ports/trace/trace.ts'
import { RetryLater, type SenderOptions } from './sender.ts'
import type { TraceReach } from './trace-reach.ts'

export type SendEntryOptions = {
  readonly send: (command: Command, options: SendOptions) => Promise<Outcome>
  readonly append: (slices: readonly AppendSlice[], options: SendOptions) => Promise<AppendOutcome>
  readonly trace: Trace
  readonly reach: TraceReach
  /** The baggage of young events. Default: they have none. */
  readonly baggages?: Pick<Baggages, 'of'>
  readonly report: Report
}

/** How many attempts a command gets that cannot even be decided. After these it is given up. */
export const ATTEMPTS_MAX = 8
/** For how long a command is sent again whose decision says that it came too early, in ms: a day. */
export const TOO_EARLY_MS_MAX = 86_400_000

/** The function that sends the entries of a process. */
export function entrySender(process: ProcessSpec, options: SendEntryOptions): SenderOptions['send'] {
  const actor = ownActor('process', process.name)
  return async (entry, attempt, waitedMs) => {
    // A process wrote the text in the agenda.
    const meta = JSON.parse(entry.meta) as EntryMeta
    if (entry.timer !== null) {
      const fired: TimerFired = { timer: entry.timer, set: entry.set }
      const append = (own: EntryMeta) => appendOwn(`due:${entry.id}:${entry.set}`, DUE, fired, own)
      await inOwnTrace(options.trace, `${process.name}.${entry.timer}`, meta, append)
      return null
    }
    const isSameTrace = options.reach.continues(meta, attempt, Date.now())
    const answer = await sendCommand(entry.command!, meta, entry.id, { attempt, waitedMs, isSameTrace })
    // A trace that the command did not continue is over.
    if (answer) await tellAnswer(answer.type, answer.data, isSameTrace ? meta : withoutTrace(meta))
    return null

    /** Tells the process an answer, cut until an event can hold it. */
    async function tellAnswer(type: string, answer: CommandAnswered, cause: EntryMeta): Promise<void> {
      try {
        await appendOwn(`answer:${entry.id}`, type, answer, cause)
        if (answer.cut) options.report(cutNotice(process.name, entry.key, answer))
      } catch (error) {
        const less = error instanceof PayloadError ? cutAnswer(answer) : null
        if (!less) throw error
        await tellAnswer(type, less, cause)
      }
    }

    async function appendOwn(key: string, type: string, data: CommandAnswered | TimerFired, by: EntryMeta): Promise<void> {
      const event: Event = { category: process.name, type, data }
      const slice = { stream: streamName(process.name, entry.key), expect: 'any', events: [event] } as const
      const { label: _, ...rest } = by
      const { outcome } = await options.append([slice], { ...rest, actor, key, isOwnKey: true })
      if (outcome !== 'appended' && outcome !== 'duplicate') throw new RetryLater()
    }
  }

  async function sendCommand(
    command: Command,
    meta: EntryMeta,
    id: string,
    { attempt, ...sending }: Sending & { readonly attempt: number },
  ): Promise<{ readonly type: string; readonly data: CommandAnswered } | null> {
    const { label, ...rest } = meta
    const answerOf = (type: string, code: string, data?: unknown) => ({
      type,
      data: withRefusal({ by: id, command, code, ...(label !== undefined && { label }) }, data),
    })
    try {
      const outcome = await sendInTime(options, command, { ...rest, actor, key: id, isOwnKey: true }, sending)
      if (outcome.outcome === 'accepted') return process.needsAccepted ? answerOf('Accepted', 'accepted') : null
      if (outcome.outcome === 'rejected') return answerOf('Rejected', outcome.code, outcome.data)
      return answerOf('Failed', 'invalid', (outcome as { readonly issues: unknown }).issues)
    } catch (error) {
      if (isForNow(error) || attempt < ATTEMPTS_MAX) throw error
      return answerOf('Failed', 'failed', String(error).toWellFormed())
    }
  }
}

/** Runs in a trace of its own, which is linked to what may be long ago. */
function inOwnTrace<T>(trace: Trace, name: string, meta: EntryMeta, run: (own: EntryMeta) => T): T {
  return trace.step('send', [parentOf(meta)], { 'emaki.command': name }, () => run(withoutTrace(meta)), 'root')
}

function withoutTrace({ traceparent: _, hops: __, ...own }: EntryMeta): EntryMeta {
  return own
}

function cutNotice(process: string, key: string, { command, code, cut }: CommandAnswered): Notice {
  const to = `${command.decider}.${command.command}`
  return new Notice({
    level: 'warn',
    code: 'answer-cut',
    message: `${process} ${key}: the answer ${code} to ${to} was too large for an event, so ${LEFT_OUT[cut!]} was left out.`,
    fields: { process, key, command: to, answer: code },
  })
}
const LEFT_OUT = { data: 'its data', command: "its data and the command's" } as const

/** Whether a failure says that the command is to be sent again, however often it was sent. */
export function isForNow(error: unknown): boolean {
  return error instanceof RetryLater || error instanceof SentTooEarly
}

/** `waitedMs`: how long a command has waited because it came too early. `isSameTrace`: it continues the trace of its cause. */
type Sending = { readonly waitedMs: number; readonly isSameTrace: boolean }

function parentOf({ traceparent }: { readonly traceparent?: string | undefined }): TraceContext | null {
  return traceparent === undefined ? null : { traceparent }
}

/**
 * Sends a command with a deadline. Throws RetryLater if the log does not answer for now, or if other writers kept the
 * command from being decided, and SentTooEarly if the decision asks for it later. After a day of such answers it is
 * rejected.
 */
export async function sendInTime(
  { send, trace, baggages }: Pick<SendEntryOptions, 'send' | 'trace' | 'baggages'>,
  command: Command,
  { traceparent, hops = 0, ...options }: SendOptions,
  { waitedMs, isSameTrace }: Sending,
): Promise<Accepted | Rejected | Conflicted | Invalid> {
  const baggage = isSameTrace && options.causation !== undefined ? baggages?.of(options.causation) : undefined
  const carried = baggage !== undefined && { baggage }
  const parent = traceparent === undefined ? null : { traceparent, ...carried }
  const attributes = { 'emaki.command': `${command.decider}.${command.command}` }
  const within = isSameTrace && traceparent !== undefined ? { traceparent, hops: hops + 1 } : { hops: 1 }
  const sendNow = () => send(command, { ...options, ...within, ...carried, deadlineMs: patience.commandMs })
  const outcome = await trace.step('send', [parent], attributes, sendNow, isSameTrace ? 'child' : 'root')
  const isConflict = outcome.outcome === 'conflict' && options.expect === undefined
  if (outcome.outcome === 'unavailable' || outcome.outcome === 'unknown' || isConflict) throw new RetryLater()
  if (outcome.outcome !== 'later') return outcome
  const { code, data, retryAfterMs } = outcome
  if (waitedMs < TOO_EARLY_MS_MAX) throw new SentTooEarly(command, code, retryAfterMs)
  return { outcome: 'rejected', code, ...(data !== undefined && { data }) }
}

/**
 * Sends a command because of an event, as an actor. Its key has no end until the store finds that the event cannot
 * come again, which may be after any time: where its key was parked, or its node was away. Gives its rejection, or null if it was accepted. Throws if the outcome is
 * unknown, if the command came too early, and if it can never be sent.
 */
export async function sendForEvent(
  options: Pick<SendEntryOptions, 'send' | 'trace' | 'reach' | 'baggages'>,
  command: Command,
  key: string,
  event: Recorded,
  actor: string,
  attempt: number,
): Promise<Pick<Rejection, 'code' | 'data'> | null> {
  const cause = metaCausedBy(event)
  const isSameTrace = options.reach.continues(cause, attempt, Date.now())
  const sending = { ...cause, actor, key, isOwnKey: true, keepMs: null }
  const outcome = await sendInTime(options, command, sending, { waitedMs: 0, isSameTrace })
  if (outcome.outcome === 'accepted') return null
  if (outcome.outcome !== 'rejected') throw new TypeError(`${command.decider}.${command.command}: ${JSON.stringify(outcome)}`)
  return { code: outcome.code, ...(outcome.data !== undefined && { data: outcome.data }) }
}
