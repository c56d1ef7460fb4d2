// The state machine of a saga: steps forward, retries, and undoing in reverse.
import type { Command } from '../decider/command.ts'
import { type Input, label, type Reaction, type ProcessStep, stepsOf } from './process.ts'
import type { CompiledStep, SagaPart, SagaPlan, SagaState } from './saga-state.ts'
import { after, cancel } from './timer.ts'

const UNDO_RETRY = 5
export const NOT_BEGUN: SagaState = { status: 'running', data: null, at: -1, parts: [], failure: null }

/** Moves a saga from one state to the next, by one input. */
export class SagaTransition {
  readonly #plan: SagaPlan
  readonly #key: string
  readonly #steps: ProcessStep[] = []
  #state: SagaState

  constructor(plan: SagaPlan, state: SagaState, key: string) {
    this.#plan = plan
    this.#state = state
    this.#key = key
  }

  get reaction(): Reaction {
    return { state: this.#state, steps: this.#steps }
  }

  start(data: unknown): void {
    if (this.#state.at >= 0) return
    const parts = this.#all.map(
      (): SagaPart => ({ status: 'waiting', attempt: 0, left: 0, accepted: 0, refused: null, undoing: 0 }),
    )
    this.#state = { ...NOT_BEGUN, data, at: 0, parts }
    this.#beginGroup(0)
  }

  /** Handles the answer to a command. Its label names the step and the attempt. */
  handleAnswer({ kind, code, data, label }: Extract<Input, { readonly label: unknown }>): void {
    const [text, of, way] = (label ?? '').split(':')
    const [i, attempt] = [Number(text), Number(of)]
    const part = this.#state.parts[i]
    if (label === null || !part) return
    if (way === 'undo') return this.#handleUndoAnswer(i, attempt, kind, code)
    const isAccepted = kind === 'accepted'
    if (part.status !== 'running' || part.attempt !== attempt)
      return isAccepted && !this.#all[i]!.waits ? this.#undoLate(i) : undefined
    const refused = isAccepted ? part.refused : { code, ...(data !== undefined && { data }) }
    const [left, accepted] = [part.left - 1, part.accepted + Number(isAccepted)]
    this.#changePart(i, { left, accepted, refused })
    if (left > 0) return
    if (refused) return this.#retryOrUndo(i, refused)
    // Acceptance completes a step only if the step waits for no fact.
    if (!this.#all[i]!.waits) this.completeStep(i)
  }

  completeStep(i: number): void {
    if (this.#state.parts[i]?.status !== 'running') return this.#undoLate(i)
    this.#cancelTimeout(i)
    this.#changePart(i, { status: 'done' })
    this.#moveOn()
  }

  /** Fails a step by a fact. */
  failStep(i: number, code: string): void {
    if (this.#state.parts[i]?.status === 'running') this.#retryOrUndo(i, { code })
  }

  handleTimer(timer: string): void {
    const [what, text] = timer.split('.')
    const i = Number(text)
    const part = this.#state.parts[i]
    if (what === 'retry' && part?.status === 'waiting' && this.#state.status === 'running') this.#runStep(i)
    if (what === 'undo' && part?.status === 'undoing') this.#undoStep(i)
    if (what === 'timeout' && part?.status === 'running') this.#retryOrUndo(i, { code: 'timeout' })
  }

  get #all(): readonly CompiledStep[] {
    return this.#plan.steps
  }

  #stepsOf(group: number): readonly number[] {
    return this.#all.flatMap((step, i) => (step.group === group ? [i] : []))
  }

  #beginGroup(group: number): void {
    this.#state = { ...this.#state, at: group }
    for (const i of this.#stepsOf(group)) this.#runStep(i)
    this.#moveOn()
  }

  #runStep(i: number): void {
    const { run, timeout } = this.#all[i]!
    const attempt = this.#state.parts[i]!.attempt + 1
    const commands = stepsOf(run(this.#state.data, this.#key)) as readonly Command[]
    for (const command of commands) this.#steps.push({ ...command, [label]: `${i}:${attempt}:run` })
    const status = commands.length || this.#all[i]!.waits ? 'running' : 'done'
    this.#changePart(i, { status, attempt, left: commands.length, accepted: 0, refused: null })
    if (timeout && status === 'running') this.#steps.push(after(timeout, `timeout.${i}`))
  }

  /** Tries a step again, or gives up and undoes the saga. */
  #retryOrUndo(i: number, why: { readonly code: string; readonly data?: unknown }): void {
    const { attempt, accepted } = this.#state.parts[i]!
    const { retry, waits } = this.#all[i]!
    this.#cancelTimeout(i)
    if (attempt <= retry && this.#state.status === 'running') {
      this.#changePart(i, { status: 'waiting' })
      return void this.#steps.push(after(`${2 ** (attempt - 1)} seconds`, `retry.${i}`))
    }
    this.#changePart(i, { status: accepted > 0 && !waits ? 'partial' : 'failed' })
    if (this.#state.status === 'running') this.#state = { ...this.#state, status: 'undoing', failure: { step: i, ...why } }
    this.#moveOn()
  }

  /** Moves on once all steps of the group have ended. */
  #moveOn(): void {
    if (this.#state.status === 'running') return this.#moveForward()
    if (this.#state.status === 'undoing') this.#moveBack()
  }

  #moveForward(): void {
    const { at, data, parts } = this.#state
    if (at < 0 || !this.#stepsOf(at).every(i => parts[i]!.status === 'done')) return
    if (at + 1 < this.#plan.groups) return this.#beginGroup(at + 1)
    this.#state = { ...this.#state, status: 'done' }
    this.#steps.push(...stepsOf(this.#plan.completed(data, this.#key)))
  }

  /** Undoes the done steps of this group, waits for its running ones, and then goes to the group before. */
  #moveBack(): void {
    for (const i of this.#stepsOf(this.#state.at)) {
      const { status, attempt } = this.#state.parts[i]!
      if (status === 'waiting' && attempt > 0) this.#steps.push(cancel(`retry.${i}`))
      if (status === 'waiting') this.#changePart(i, { status: attempt > 0 ? 'partial' : 'failed' })
      if (['done', 'partial'].includes(this.#state.parts[i]!.status)) this.#undoStep(i)
    }
    if (this.#stepsOf(this.#state.at).some(i => ['running', 'undoing'].includes(this.#state.parts[i]!.status))) return
    if (this.#state.at > 0) {
      this.#state = { ...this.#state, at: this.#state.at - 1 }
      return this.#moveBack()
    }
    const { data, failure } = this.#state
    this.#state = { ...this.#state, status: 'undone' }
    this.#steps.push(...stepsOf(this.#plan.undone(data, failure!, this.#key)))
  }

  #undoStep(i: number): void {
    const { undo } = this.#all[i]!
    const commands = undo ? (stepsOf(undo(this.#state.data, this.#key)) as readonly Command[]) : []
    const undoing = this.#state.parts[i]!.undoing + 1
    for (const command of commands) this.#steps.push({ ...command, [label]: `${i}:${undoing}:undo` })
    this.#changePart(i, { status: commands.length ? 'undoing' : 'undone', undoing, left: commands.length })
  }

  #handleUndoAnswer(i: number, attempt: number, kind: string, code: string): void {
    const part = this.#state.parts[i]!
    if (part.status !== 'undoing' || part.undoing !== attempt) return
    if (kind === 'accepted') {
      this.#changePart(i, part.left > 1 ? { left: part.left - 1 } : { status: 'undone', left: 0 })
      return this.#moveOn()
    }
    if (attempt <= UNDO_RETRY) return void this.#steps.push(after(`${2 ** (attempt - 1)} seconds`, `undo.${i}`))
    this.#state = { ...this.#state, status: 'stuck', failure: { step: i, code } }
  }

  /** Undoes a late success of an abandoned attempt, unless a later attempt succeeded. */
  #undoLate(i: number): void {
    const hasEnded = ['failed', 'partial', 'undoing', 'undone'].includes(this.#state.parts[i]?.status ?? '')
    if (hasEnded && (this.#state.status === 'undone' || this.#state.status === 'undoing')) this.#undoStep(i)
  }

  #cancelTimeout(i: number): void {
    if (this.#all[i]!.timeout) this.#steps.push(cancel(`timeout.${i}`))
  }

  #changePart(i: number, change: Partial<SagaPart>): void {
    this.#state = { ...this.#state, parts: this.#state.parts.with(i, { ...this.#state.parts[i]!, ...change }) }
  }
}
