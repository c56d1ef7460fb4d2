// The events of a process's own streams: answers to its commands, timers that fell due, and what somebody did by hand.
import type { z } from 'zod'
import type { Command } from '../decider/command.ts'
import type { EventsSpec } from '../event/events.ts'

/** The outcome of a command that a process sent. `by` is the id of its entry in the agenda. */
export type CommandAnswered = {
  readonly by: string
  readonly command: Command
  readonly code: string
  readonly data?: unknown
  readonly label?: string
  readonly cut?: AnswerCut
}
/** The part of an answer that is too large for an event: the data of the refusal, or also the data of the command. */
export type AnswerCut = 'data' | 'command'
/**
 * A timer fell due. `set` is the position of the event that set it. A timer that was replaced meanwhile has another
 * one.
 */
export type TimerFired = { readonly timer: string; readonly set: number }

export const ANSWERS = ['Accepted', 'Rejected', 'Failed'] as const
export const DUE = 'Due'
/** What somebody did to an instance: tried again where it is stuck, took that as done, or ended the instance. */
export const INTERVENTIONS = ['Resumed', 'Skipped', 'Closed'] as const
export const CLOSED = 'Closed'
/** The fingerprint of these events, which the framework writes. */
export const OWN_SCHEMA = 'emaki-1'

/** The longest data of a refusal that a process is told, in characters of its JSON. */
export const REFUSAL_LENGTH_MAX = 16_384
/** The longest form of a character in JSON: `\u0000`, and some room for quotes. */
const ESCAPED_LENGTH_MAX = 8

/** Gives an answer with the data of its refusal. Data that is too long is left out, and a text is cut. */
export function withRefusal(answer: CommandAnswered, data: unknown): CommandAnswered {
  if (data === undefined) return answer
  if ((JSON.stringify(data) ?? '').length <= REFUSAL_LENGTH_MAX) return { ...answer, data }
  const text = typeof data === 'string' ? { data: data.slice(0, REFUSAL_LENGTH_MAX / ESCAPED_LENGTH_MAX).toWellFormed() } : {}
  return { ...answer, ...text, cut: 'data' }
}

/** Gives the same answer with less data, for an event that could not hold it. Null: there is no less. */
export function cutAnswer({ data: _, ...answer }: CommandAnswered): CommandAnswered | null {
  if (answer.cut === 'command') return null
  if (answer.cut === undefined) return { ...answer, cut: 'data' }
  return { ...answer, command: { ...answer.command, data: null }, cut: 'command' }
}

/** The framework writes these events, so they need no check, and the core loads no zod. */
const anySchema = { safeParse: (data: unknown) => ({ success: true, data }) } as unknown as z.ZodType

/** The events of a process's own streams, `{process}-{key}`. */
export function processEvents(process: string): EventsSpec {
  const type = { schema: anySchema, fingerprint: OWN_SCHEMA, up: null, older: null }
  return {
    kind: 'events',
    name: process,
    types: new Map([...ANSWERS, DUE, ...INTERVENTIONS].map(name => [name, type])),
    was: new Map(),
  }
}
