// The events of a process's own streams: answers to its commands, and timers that fell due.
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
}
/**
 * A timer fell due. `set` is the position of the event that set it. A timer that was replaced meanwhile has another
 * one.
 */
export type TimerFired = { readonly timer: string; readonly set: number }

export const ANSWERS = ['Accepted', 'Rejected', 'Failed'] as const
export const DUE = 'Due'

/** The framework writes these events, so they need no check, and the core loads no zod. */
const anySchema = { safeParse: (data: unknown) => ({ success: true, data }) } as unknown as z.ZodType

/** The events of a process's own streams, `{process}-{key}`. */
export function processEvents(process: string): EventsSpec {
  const type = { schema: anySchema, fingerprint: 'emaki-1', up: null, older: null }
  return { kind: 'events', name: process, types: new Map([...ANSWERS, DUE].map(name => [name, type])), was: new Map() }
}
