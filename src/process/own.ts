// What comes back to a process that is no event of anybody else: it is appended to the stream of the process's own instance.
import type { z } from 'zod'
import type { Command } from '../decider/command.ts'
import type { EventsSpec } from '../event/events.ts'

/** What became of a command that a process sent. `by` names the entry of the agenda that it was. */
export type Answered = {
  readonly by: string
  readonly command: Command
  readonly code: string
  readonly data?: unknown
  readonly label?: string
}
/** A timer that fell due. `set` is the position of the event that set it, so that one that was replaced is known. */
export type Fell = { readonly timer: string; readonly set: number }

export const ANSWERS = ['Accepted', 'Rejected', 'Failed'] as const
export const DUE = 'Due'

/** The framework writes them, so there is nothing to be checked; and the core loads no zod. */
const whatever = { safeParse: (data: unknown) => ({ success: true, data }) } as unknown as z.ZodType

/** The events of a process's own streams, `{process}-{key}`. */
export function ownEvents(process: string): EventsSpec {
  const type = { schema: whatever, fingerprint: 'emaki-1', up: null, older: null }
  return { kind: 'events', name: process, types: new Map([...ANSWERS, DUE].map(name => [name, type])), was: new Map() }
}
