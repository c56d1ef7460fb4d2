// A compiled saga, and the state of each of its instances.
import type { Command } from '../decider/command.ts'
import type { Duration } from '../event/duration.ts'
import type { One } from '../event/families.ts'

/**
 * The status of a saga. It ends with `done` or `undone`. `stuck`: a step cannot be undone, or the commands at the end are
 * refused, and somebody has to look at it; `processes resume` goes on then.
 */
export type SagaStatus = 'running' | 'undoing' | 'done' | 'undone' | 'stuck'
/**
 * The status of one step. `pausing`: it is between two attempts. `partial`: it failed after some of its commands were
 * accepted. `stuck`: it cannot be undone.
 */
export type PartStatus = 'waiting' | 'running' | 'pausing' | 'done' | 'failed' | 'partial' | 'undoing' | 'stuck' | 'undone'
export type Refusal = { readonly code: string; readonly data?: unknown }
export type SagaPart = {
  readonly status: PartStatus
  readonly attempt: number
  /** How many commands the step, or its undoing, has. */
  readonly commands: number
  /** The numbers of the commands of this attempt that have no answer yet. */
  readonly unanswered: readonly number[]
  /** The numbers of the commands that were accepted, in this attempt or an earlier one. */
  readonly accepted: readonly number[]
  /** The last refusal in this attempt. */
  readonly refused: Refusal | null
  /** How often commands were sent that undo the step, and how often since its last success. */
  readonly undoing: number
  readonly undoTries: number
}
export type SagaState = {
  readonly status: SagaStatus
  readonly data: unknown
  /** The group of steps that is being done or undone. -1: the saga has not begun, or all groups are undone. */
  readonly at: number
  /** The steps, and behind them a part for the commands at the end, which are sent like those that undo a step. */
  readonly parts: readonly SagaPart[]
  /** Why the saga is undone. */
  readonly failure: (Refusal & { readonly step: number }) | null
}

/** Raised when the states of sagas change, so that instances of an earlier release are folded again. */
export const SAGA_FORM = 1

export type CompiledStep = {
  readonly run: (data: unknown, key: string) => One<Command>
  readonly undo: ((data: unknown, key: string) => One<Command>) | null
  readonly timeout: Duration | null
  readonly retry: number
  readonly group: number
  /** Whether a fact ends the step, and not the answers to its commands. */
  readonly waits: boolean
  readonly until: { readonly category: string; readonly type: string } | null
  /** The fact that fails the step; null: none does. */
  readonly unless: { readonly category: string; readonly type: string } | null
}
/** A compiled saga. */
export type SagaPlan = {
  readonly steps: readonly CompiledStep[]
  readonly groups: number
  readonly completed: (data: unknown, key: string) => One<Command>
  readonly undone: (data: unknown, failure: NonNullable<SagaState['failure']>, key: string) => One<Command>
}
