import type { Verdict } from '../definitions/access/allow.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Meta } from '../definitions/event/events.ts'
import type { StoreError } from '../ports/store/errors.ts'
import type { TraceContext } from '../ports/trace/trace.ts'
import type { StreamRead } from './streams-read.ts'
import type { StreamState } from './stream-state.ts'
import { isTransient, type Outcome, outcomeOfError, type Precondition, type Refused } from './outcome.ts'

/** The default time that an idempotency key is kept, in ms: a day. */
export const KEY_KEEP_MS: number = 24 * 60 * 60 * 1_000

/** A command that waits for its outcome. Its sender gets exactly one `answer` or `fail`. */
export type PendingCommand = {
  readonly decider: DeciderSpec
  /** Its data is the output of its schema. */
  readonly command: Command
  /** Commands that are decided after it, all or none, with the same outcome. Most often there are none. */
  readonly more: readonly Command[]
  readonly stream: string
  /** Counts up with each command. It shows whether a stream was read after the command arrived. */
  readonly arrival: number
  readonly expect: Precondition | null
  /** Says whether the caller may send the command on this state. Null: it may on each. */
  readonly authorize: ((state: unknown) => Verdict) | null
  readonly key: { readonly key: string; readonly fingerprint: string; readonly keepMs: number | null } | null
  /**
   * When to ask the log whether the key was used. `append`: the append itself asks. `before`: before the decision,
   * because an expectation that does not hold, and a decision that throws, are answered without an append. `done`: it
   * was asked.
   */
  keyCheck: 'append' | 'before' | 'done'
  readonly actor: string | null
  readonly initiator: string | null
  readonly meta: Omit<Meta, 'schema'>
  /** Called with the id of each event that is decided. Undefined: nobody wants to know. */
  readonly noteEvent?: ((eventId: string) => void) | undefined
  /** When it came, on the clock of performance.now. */
  readonly sentAt: number
  /** The end of its wait, on the clock of performance.now. */
  readonly deadline: number
  readonly signal: AbortSignal | null
  readonly parent: TraceContext | null
  /** The room that it takes in the queue, in bytes. */
  readonly size: number
  /** What was fetched for each of its commands, before they joined their stream. Null: nothing was. */
  prepared: ReadonlyMap<Command, unknown> | null
  /** The streams that the decisions of its commands read. Null: none. */
  readonly reads: ReadonlyMap<Command, readonly StreamRead[]> | null
  /** The states of the streams that it reads, but for its own. Null: they are not known. */
  read: Map<string, StreamState> | null
  /** How often it has lost its stream to another process. */
  attempts: number
  readonly answer: (outcome: Outcome | Refused) => void
  readonly fail: (error: unknown) => void
}

/** The commands to decide, in order. */
export function commandsOf({ command, more }: Pick<PendingCommand, 'command' | 'more'>): readonly Command[] {
  return more.length === 0 ? [command] : [command, ...more]
}

/** Whether a command has waited as long as it may. */
export function isLate({ deadline, signal }: Pick<PendingCommand, 'deadline' | 'signal'>, now: number): boolean {
  return deadline <= now || signal?.aborted === true
}

/** Ends a command whose store failed. An error that may pass becomes an outcome; any other is thrown to the caller. */
export function endWithError(
  command: PendingCommand,
  error: unknown,
  outcomeOf: (error: StoreError) => Outcome = outcomeOfError,
): void {
  if (isTransient(error)) command.answer(outcomeOf(error))
  else command.fail(error)
}
