import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Meta } from '../definitions/event/events.ts'
import type { StoreError } from '../ports/store/errors.ts'
import type { Expectation } from '../ports/store/unit.ts'
import type { TraceContext } from '../ports/trace/trace.ts'
import { isTransient, type Outcome, outcomeOfError } from './outcome.ts'

/** A command that waits for its outcome. Its sender gets exactly one `answer` or `fail`. */
export type PendingCommand = {
  readonly decider: DeciderSpec
  /** Its data is the output of the command's schema. */
  readonly command: Command
  readonly stream: string
  /** Counts up with each command. It tells whether a stream was read after the command arrived. */
  readonly arrival: number
  readonly expect: Expectation | null
  readonly key: { readonly key: string; readonly fingerprint: string; readonly keepMs: number | null } | null
  /**
   * When the log is asked whether the key was used. `append`: by the append itself. `before`: before the decision, because a precondition
   * that does not hold, and a decision that throws, are answered without an append. `done`: it was asked.
   */
  keyCheck: 'append' | 'before' | 'done'
  readonly actor: string | null
  readonly meta: Omit<Meta, 'schema'>
  /** On the clock of performance.now. */
  readonly deadline: number
  readonly signal: AbortSignal | null
  readonly parent: TraceContext | null
  /** How much of the queue's room it takes, in bytes. */
  readonly size: number
  /** How often it lost its stream to another process. */
  attempts: number
  readonly answer: (outcome: Outcome) => void
  readonly fail: (error: unknown) => void
}

/** Whether a command has waited for as long as it may. */
export function isLate({ deadline, signal }: Pick<PendingCommand, 'deadline' | 'signal'>, now: number): boolean {
  return deadline <= now || signal?.aborted === true
}

/** Ends a command whose store failed: an error that may pass is an outcome, any other is thrown. */
export function endWithError(
  command: PendingCommand,
  error: unknown,
  outcomeOf: (error: StoreError) => Outcome = outcomeOfError,
): void {
  if (isTransient(error)) command.answer(outcomeOf(error))
  else command.fail(error)
}
