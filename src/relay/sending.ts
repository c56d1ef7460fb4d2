// Sends an entry that is due. A command is dispatched, and its answer is appended to the stream of the process that sent it; so is a timer.
import { streamName } from '../event/stream-name.ts'
import type { Command } from '../decider/command.ts'
import type { Rejection } from '../decider/reject.ts'
import type { SendOptions } from '../dispatch/send.ts'
import type { Outcome } from '../dispatch/outcome.ts'
import type { AppendOutcome, AppendSlice } from '../dispatch/append-request.ts'
import type { Event, Recorded } from '../event/events.ts'
import { ledBy } from '../event/recorded.ts'
import type { EntryMeta } from '../process/instance.ts'
import { type CommandAnswered, DUE, type TimerFired } from '../process/process-events.ts'
import type { ProcessSpec } from '../process/process.ts'
import type { Trace } from '../trace/trace.ts'
import { type Due, Later, type Sent } from './relay.ts'

export type SendingOptions = {
  readonly send: (command: Command, options: SendOptions) => Promise<Outcome>
  readonly append: (slices: readonly AppendSlice[], options: SendOptions) => Promise<AppendOutcome>
  readonly trace: Trace
}

/** A command that cannot even be decided is given up after so many attempts. */
export const ATTEMPTS_MAX = 8
const DEADLINE_MS = 5_000

/** Sends the entries of a process. */
export function sendingOf(process: ProcessSpec, options: SendingOptions): (entry: Due, attempt: number) => Promise<Sent> {
  return async (entry, attempt) => {
    // What the agenda has was written by a process.
    const meta = JSON.parse(entry.meta) as EntryMeta
    if (entry.timer !== null) {
      const fired: TimerFired = { timer: entry.timer, set: entry.set }
      await appendOwn(`due:${entry.id}:${entry.set}`, DUE, fired)
      return null
    }
    const answer = await sendAndAnswer(entry.command!, meta, entry.id, attempt)
    if (answer) await appendOwn(`answer:${entry.id}`, answer.type, answer.data)
    return null

    async function appendOwn(key: string, type: string, data: CommandAnswered | TimerFired): Promise<void> {
      const event: Event = { category: process.name, type, data }
      const slice = { stream: streamName(process.name, entry.key), expect: 'any', events: [event] } as const
      const { label: _, ...rest } = meta
      const { outcome } = await options.append([slice], { ...rest, key, isOwnKey: true })
      if (outcome !== 'appended' && outcome !== 'duplicate') throw new Later()
    }
  }

  async function sendAndAnswer(
    command: Command,
    meta: EntryMeta,
    id: string,
    attempt: number,
  ): Promise<{ readonly type: string; readonly data: CommandAnswered } | null> {
    const answer = (type: string, code: string, data?: unknown) => ({
      type,
      data: {
        by: id,
        command,
        code,
        ...(data !== undefined && { data }),
        ...(meta.label !== undefined && { label: meta.label }),
      },
    })
    try {
      const { label: _, ...rest } = meta
      const outcome = await sent(options, command, { ...rest, key: id, isOwnKey: true })
      if (outcome.outcome === 'accepted') return process.needsAccepted ? answer('Accepted', 'accepted') : null
      if (outcome.outcome === 'rejected') return answer('Rejected', outcome.code, outcome.data)
      return answer('Failed', 'invalid', (outcome as { readonly issues: unknown }).issues)
    } catch (error) {
      if (error instanceof Later || attempt < ATTEMPTS_MAX) throw error
      return answer('Failed', 'failed', String(error))
    }
  }
}

/** Sends a command in time. Throws Later where the log does not answer for now, or others have kept it from being decided. */
export async function sent(
  { send, trace }: Pick<SendingOptions, 'send' | 'trace'>,
  command: Command,
  options: SendOptions,
): Promise<Outcome> {
  const parent = options.traceparent === undefined ? null : { traceparent: options.traceparent }
  const outcome = await trace.step('send', [parent], { 'emaki.command': `${command.decider}.${command.command}` }, () =>
    send(command, { ...options, deadlineMs: DEADLINE_MS }),
  )
  const isConflict = outcome.outcome === 'conflict' && options.expect === undefined
  if (outcome.outcome === 'unavailable' || outcome.outcome === 'unknown' || isConflict) throw new Later()
  return outcome
}

/** Sends what an event led to; the rejection, or null. Throws where it is not known what became of it, and where it can never be sent. */
export async function sentFor(
  options: Pick<SendingOptions, 'send' | 'trace'>,
  command: Command,
  key: string,
  event: Recorded,
): Promise<Pick<Rejection, 'code' | 'data'> | null> {
  const outcome = await sent(options, command, { ...ledBy(event), key, isOwnKey: true })
  if (outcome.outcome === 'accepted') return null
  if (outcome.outcome !== 'rejected') throw new TypeError(`${command.decider}.${command.command}: ${JSON.stringify(outcome)}`)
  return { code: outcome.code, ...(outcome.data !== undefined && { data: outcome.data }) }
}
