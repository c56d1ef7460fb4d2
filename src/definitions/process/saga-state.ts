// A compiled saga, and the state of each of its instances.
import type { Command } from '../decider/command.ts'
import type { Duration } from '../event/duration.ts'
import type { One } from '../event/families.ts'

/**
 * The status of a saga. It ends with `done`, `undone` or `stuck`: a step cannot be undone, and somebody has to look at
 * it.
 */
export type SagaStatus = 'running' | 'undoing' | 'done' | 'undone' | 'stuck'
/** The status of one step. `partial`: it failed after some of its commands were accepted. */
export type PartStatus = 'waiting' | 'running' | 'done' | 'failed' | 'partial' | 'undoing' | 'undone'
export type SagaPart = {
  readonly status: PartStatus
  readonly attempt: number
  /** Commands of this attempt, or of its undoing: those without an answer yet, and those that were accepted. */
  readonly left: number
  readonly accepted: number
  /** The reason why one of them was not accepted. */
  readonly refused: { readonly code: string; readonly data?: unknown } | null
  readonly undoing: number
}
export type SagaState = {
  readonly status: SagaStatus
  readonly data: unknown
  /** The group of steps that is being done or undone. */
  readonly at: number
  readonly parts: readonly SagaPart[]
  readonly failure: { readonly step: number; readonly code: string; readonly data?: unknown } | null
}

export type CompiledStep = {
  readonly run: (data: unknown, key: string) => One<Command>
  readonly undo: ((data: unknown, key: string) => One<Command>) | null
  readonly timeout: Duration | null
  readonly retry: number
  readonly group: number
  /** Whether a fact ends the step, and not the answers to its commands. */
  readonly waits: boolean
  readonly until: { readonly category: string; readonly type: string } | null
}
/** A compiled saga. */
export type SagaPlan = {
  readonly steps: readonly CompiledStep[]
  readonly groups: number
  readonly completed: (data: unknown, key: string) => One<Command>
  readonly undone: (data: unknown, failure: NonNullable<SagaState['failure']>, key: string) => One<Command>
}
