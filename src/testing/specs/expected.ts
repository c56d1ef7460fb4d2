// What an example may expect. Each is a value that says what it means.
import type { Command } from '../../definitions/decider/command.ts'
import { type Duration, milliseconds } from '../../definitions/event/duration.ts'
import type { Event } from '../../definitions/event/events.ts'
import { showValue } from './differences.ts'
import type { Answer } from './past.ts'

/** What a decision comes to. */
export type DecisionExpected<E extends Event = Event, State = unknown> =
  | { readonly expects: 'events'; readonly events: readonly E[] }
  | { readonly expects: 'rejection'; readonly code: string; readonly data?: unknown; readonly afterMs: number | null }
  | { readonly expects: 'invalid'; readonly path: string | null }
  | StateExpected<State>
/** A part of the state afterwards. */
export type StateExpected<State = unknown> = { readonly expects: 'state'; readonly state: PartOf<State> }
/** What a process does on its last input. */
export type ReactionExpected<C extends Command = Command> =
  | { readonly expects: 'commands'; readonly commands: readonly C[] }
  | { readonly expects: 'timer'; readonly timer: string; readonly afterMs: number | null; readonly command?: C }
  | { readonly expects: 'end' }
  | StateExpected
/** A row afterwards, or none. */
export type RowExpected<Row = unknown> = { readonly expects: 'row'; readonly key: string; readonly row: PartOf<Row> | null }
/** The answer of a query. */
export type AnswerExpected<A = unknown> = { readonly expects: 'answer'; readonly answer: A }

/** The fields of a value that are looked at, at any depth. Lists are compared whole. */
export type PartOf<T> = T extends readonly unknown[] ? T : T extends object ? { readonly [K in keyof T]?: PartOf<T[K]> } : T

/** The command is accepted with these events, in this order, and no others. Without events nothing happens. */
export function happened<const E extends readonly Event[]>(...events: E): { readonly expects: 'events'; readonly events: E } {
  return { expects: 'events', events }
}

type RejectionExpected = Extract<DecisionExpected, { readonly expects: 'rejection' }>
type ExpectRejection = {
  (code: string, data?: unknown): RejectionExpected
  /** The command comes too early, and may be sent again after this time. */
  readonly later: (code: string, after: Duration, data?: unknown) => RejectionExpected
}

/** The command is rejected with this code. `data`: with these data. Default: with any. */
export const rejected: ExpectRejection = Object.assign((code: string, data?: unknown) => expectRejection(code, null, data), {
  later: (code: string, after: Duration, data?: unknown) => expectRejection(code, milliseconds(after), data),
})

function expectRejection(code: string, afterMs: number | null, data: unknown): RejectionExpected {
  return { expects: 'rejection', code, afterMs, ...(data !== undefined && { data }) }
}

/** The data of the command do not fit its schema. `path`: at this place, as in `items.0.qty`. Default: at any. */
export function invalid(path?: string): Extract<DecisionExpected, { readonly expects: 'invalid' }> {
  return { expects: 'invalid', path: path ?? null }
}

/** The state afterwards has these fields, at any depth. */
export function state<const S>(part: S): { readonly expects: 'state'; readonly state: S } {
  return { expects: 'state', state: part }
}

/** The process sends these commands, in this order, and no others. Without commands it sends nothing. */
export function wants<const C extends readonly Command[]>(
  ...commands: C
): { readonly expects: 'commands'; readonly commands: C } {
  return { expects: 'commands', commands }
}

/** The process sets a timer that falls due so long after the event. `command`: it sends this one then. Default: any, or none. */
export function due<const C extends Command = never>(
  after: Duration,
  timer: string,
  command?: C,
): { readonly expects: 'timer'; readonly timer: string; readonly afterMs: number; readonly command?: C } {
  return { expects: 'timer', timer, afterMs: milliseconds(after), ...(command && { command }) }
}

/** The process cancels a timer that it had set. */
export function cancels(timer: string): { readonly expects: 'timer'; readonly timer: string; readonly afterMs: null } {
  return { expects: 'timer', timer, afterMs: null }
}

/** The instance of the process ends. */
export function ends(): { readonly expects: 'end' } {
  return { expects: 'end' }
}

/** The row of a key has these fields, at any depth. Null: there is no such row. */
export function row<const R>(key: string, part: R): { readonly expects: 'row'; readonly key: string; readonly row: R } {
  return { expects: 'row', key, row: part }
}

/** The query answers this. */
export function answers<const A>(answer: A): { readonly expects: 'answer'; readonly answer: A } {
  return { expects: 'answer', answer }
}

/** An input of a process: its command was refused. */
export function refused(command: Command, code: string, data?: unknown): Answer {
  return { answer: 'Rejected', command, code, ...(data !== undefined && { data }) }
}

/** An input of a process: its command could not be sent at all. */
export function failed(command: Command, code: string): Answer {
  return { answer: 'Failed', command, code }
}

/** An input of a saga: its command was accepted. */
export function accepted(command: Command): Answer {
  return { answer: 'Accepted', command, code: 'accepted' }
}

/** An input of a process: its timer falls due. */
export function fired(timer: string): Answer {
  return { answer: 'Due', timer }
}

type Expected = DecisionExpected | ReactionExpected | RowExpected | AnswerExpected

/** What was expected, as one line. */
export function showExpected(expected: Expected): string {
  switch (expected.expects) {
    case 'events':
      return expected.events.length ? expected.events.map(showEvent).join(', ') : 'no event'
    case 'rejection':
      return `rejected ${expected.code}${expected.data === undefined ? '' : ` ${showValue(expected.data)}`}`
    case 'invalid':
      return `invalid${expected.path === null ? '' : ` at ${expected.path}`}`
    case 'state':
      return `a state with ${showValue(expected.state)}`
    case 'commands':
      return expected.commands.length ? expected.commands.map(showCommand).join(', ') : 'no command'
    case 'timer':
      return expected.afterMs === null ? `cancels ${expected.timer}` : `${expected.timer} due after ${expected.afterMs / 1_000} s`
    case 'end':
      return 'the end of the instance'
    case 'row':
      return expected.row === null ? `no row ${expected.key}` : `row ${expected.key} with ${showValue(expected.row)}`
    case 'answer':
      return showValue(expected.answer)
  }
}

export function showEvent({ category, type, data }: Event): string {
  return `${category}.${type} ${showValue(data)}`
}

export function showCommand({ decider, command, id, data }: Command): string {
  return `${decider}.${command} ${id} ${showValue(data)}`
}
