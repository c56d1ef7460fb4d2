// The state machine of a saga: steps forward, retries, and undoing in reverse.
import type { Command } from '../decider/command.ts'
import { type Input, label, type Reaction, type ProcessStep, stepsOf } from './process.ts'
import type { CompiledStep, PartStatus, Refusal, SagaPart, SagaPlan, SagaState } from './saga-state.ts'
import { after, cancel } from './timer.ts'

const UNDO_TRIES_MAX = 6
export const NOT_BEGUN: SagaState = { status: 'running', data: null, at: -1, parts: [], failure: null }
const WAITING: SagaPart = {
  ...{ status: 'waiting', attempt: 0, commands: 0, unanswered: [], accepted: [], refused: null },
  ...{ undoing: 0, undoTries: 0 },
}
/** A step that was begun and has not ended. */
const OPEN: readonly PartStatus[] = ['running', 'pausing']
/** A step that was given up. A success that comes now is undone. */
const GIVEN_UP: readonly PartStatus[] = ['failed', 'partial', 'undoing', 'stuck', 'undone']

/** The answer to a command of a step: of which attempt it is, which number it has in the step, and its refusal. */
type StepAnswer = { readonly attempt: number; readonly command: number; readonly refused: Refusal | null }

/**
 * Moves a saga from one state to the next, by one input.
 *
 * What an attempt did stands, however late its answer comes. A command that was accepted in any attempt is done, so a
 * refusal of the same command in a later attempt does not count. A step that succeeds before it is given up is done. A
 * step that succeeds after that is undone once more.
 */
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

  begin(data: unknown): void {
    if (this.#state.parts.length) return
    this.#state = { ...NOT_BEGUN, data, parts: [...this.#all.map(() => WAITING), WAITING] }
    this.#beginGroup(0)
  }

  /** Handles the answer to a command. Its label names the step, the attempt and the command. */
  handleAnswer({ kind, code, data, label }: Extract<Input, { readonly label: unknown }>): void {
    if (label === null) return
    const [step, attempt, way, number] = label.split(':')
    const part = this.#state.parts[Number(step)]
    if (!part) return
    // Earlier releases did not number the commands.
    const command = number === undefined ? (part.unanswered[0] ?? 0) : Number(number)
    const refused = kind === 'accepted' ? null : { code, ...(data !== undefined && { data }) }
    const answer = { attempt: Number(attempt), command, refused }
    if (way === 'undo') this.#handleUndoAnswer(Number(step), answer)
    else this.#handleRunAnswer(Number(step), answer)
  }

  /** Completes a step by a fact. */
  completeStep(i: number): void {
    const { status } = this.#state.parts[i] ?? WAITING
    if (!OPEN.includes(status)) return this.#undoLate(i)
    this.#steps.push(cancel(`timeout.${i}`), cancel(`retry.${i}`))
    this.#changePart(i, { status: 'done' })
    this.#moveOn()
  }

  /** Fails a step by a fact. */
  failStep(i: number, code: string): void {
    if (this.#state.parts[i]?.status === 'running') this.#endAttempt(i, { code })
  }

  handleTimer(timer: string): void {
    const [what, text] = timer.split('.')
    const i = Number(text)
    const status = this.#state.parts[i]?.status
    if (what === 'retry' && status === 'pausing') this.#runStep(i)
    if (what === 'undo' && status === 'undoing') this.#sendUndo(i)
    if (what === 'timeout' && status === 'running') this.#endAttempt(i, { code: 'timeout' })
  }

  /** Tries again to undo the steps at which the saga is stuck. */
  resume(): void {
    for (const i of this.#stuck) {
      this.#changePart(i, { undoTries: 0 })
      this.#sendUndo(i)
    }
    this.#moveOn()
  }

  /** Takes the steps at which the saga is stuck as undone. */
  skip(): void {
    for (const i of this.#stuck) this.#changePart(i, { status: 'undone' })
    this.#moveOn()
  }

  get #all(): readonly CompiledStep[] {
    return this.#plan.steps
  }

  get #stuck(): readonly number[] {
    return this.#state.parts.flatMap(({ status }, i) => (status === 'stuck' ? [i] : []))
  }

  /** The part behind the steps: the commands at the end. They are sent, and sent again, like those that undo a step. */
  get #end(): number {
    return this.#all.length
  }

  /** The commands that undo a step, or those at the end. */
  #undoCommands(i: number): readonly Command[] {
    const { data, failure } = this.#state
    if (i < this.#end) return stepsOf(this.#all[i]!.undo?.(data, this.#key)) as readonly Command[]
    const { completed, undone } = this.#plan
    return stepsOf(failure ? undone(data, failure, this.#key) : completed(data, this.#key)) as readonly Command[]
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
    const { run, timeout, waits } = this.#all[i]!
    const { attempt: before, accepted } = this.#state.parts[i]!
    const [attempt, commands] = [before + 1, stepsOf(run(this.#state.data, this.#key)) as readonly Command[]]
    // Accepted commands are done. Where a fact has to come, they were only the beginning.
    const unanswered = this.#send(commands, waits ? [] : accepted, `${i}:${attempt}:run`)
    const status = unanswered.length || waits ? 'running' : 'done'
    this.#changePart(i, { status, attempt, commands: commands.length, unanswered, refused: null })
    if (timeout && status === 'running') this.#steps.push(after(timeout, `timeout.${i}`))
  }

  /** Sends the commands that are not done yet. Gives their numbers. */
  #send(commands: readonly Command[], done: readonly number[], name: string): readonly number[] {
    const numbers = [...commands.keys()].filter(n => !done.includes(n))
    for (const n of numbers) this.#steps.push({ ...commands[n]!, [label]: `${name}:${n}` })
    return numbers
  }

  #handleRunAnswer(i: number, answer: StepAnswer): void {
    const part = this.#state.parts[i]!
    const { waits } = this.#all[i]!
    if (!OPEN.includes(part.status)) return answer.refused || waits ? undefined : this.#undoLate(i)
    // A refusal of an abandoned attempt says nothing about this one.
    if (answer.refused && part.attempt !== answer.attempt) return
    const { accepted, unanswered, refused } = this.#noteAnswer(i, answer)
    if (accepted.length === part.commands) return waits ? undefined : this.completeStep(i)
    if (part.status === 'running' && unanswered.length === 0) this.#endAttempt(i, refused!)
  }

  #noteAnswer(i: number, { command, refused }: StepAnswer): SagaPart {
    const part = this.#state.parts[i]!
    const isDone = part.accepted.includes(command)
    this.#changePart(i, {
      unanswered: part.unanswered.filter(one => one !== command),
      accepted: refused || isDone ? part.accepted : [...part.accepted, command],
      refused: isDone ? part.refused : (refused ?? part.refused),
    })
    return this.#state.parts[i]!
  }

  /** Ends an attempt that failed: tries the step again, or gives it up and undoes the saga. */
  #endAttempt(i: number, why: Refusal): void {
    const { attempt } = this.#state.parts[i]!
    this.#steps.push(cancel(`timeout.${i}`))
    if (attempt <= this.#all[i]!.retry && this.#state.status === 'running') {
      this.#changePart(i, { status: 'pausing' })
      return void this.#steps.push(after(`${2 ** (attempt - 1)} seconds`, `retry.${i}`))
    }
    this.#giveUp(i)
    if (this.#state.status === 'running') this.#state = { ...this.#state, status: 'undoing', failure: { step: i, ...why } }
    this.#moveOn()
  }

  #giveUp(i: number): void {
    const hasEffects = this.#state.parts[i]!.accepted.length > 0 && !this.#all[i]!.waits
    this.#changePart(i, { status: hasEffects ? 'partial' : 'failed' })
  }

  /** Moves on once all steps of the group have ended. */
  #moveOn(): void {
    const { status, failure, at: group } = this.#state
    if (status === 'stuck' && this.#stuck.length === 0)
      this.#state = { ...this.#state, status: !failure ? 'done' : group < 0 ? 'undone' : 'undoing' }
    if (this.#state.status === 'running') this.#moveForward()
    if (this.#state.status === 'undoing') this.#moveBack()
  }

  #moveForward(): void {
    const { at, parts } = this.#state
    if (at < 0 || !this.#stepsOf(at).every(i => parts[i]!.status === 'done')) return
    if (at + 1 < this.#plan.groups) return this.#beginGroup(at + 1)
    this.#state = { ...this.#state, status: 'done' }
    this.#sendUndo(this.#end)
  }

  /** Undoes the done steps of this group, waits for its running ones, and then goes to the group before. */
  #moveBack(): void {
    const group = this.#stepsOf(this.#state.at)
    for (const i of group) {
      if (this.#state.parts[i]!.status === 'pausing') {
        this.#steps.push(cancel(`retry.${i}`))
        this.#giveUp(i)
      }
      if (['done', 'partial'].includes(this.#state.parts[i]!.status)) this.#beginUndo(i)
    }
    if (group.some(i => ['running', 'undoing'].includes(this.#state.parts[i]!.status))) return
    this.#state = { ...this.#state, at: this.#state.at - 1 }
    if (this.#state.at >= 0) return this.#moveBack()
    this.#state = { ...this.#state, status: 'undone' }
    this.#sendUndo(this.#end)
  }

  /** Undoes a success of a step that was given up. What undid it before may have come too early. */
  #undoLate(i: number): void {
    if (!GIVEN_UP.includes(this.#state.parts[i]?.status ?? 'waiting')) return
    this.#beginUndo(i)
    this.#moveOn()
  }

  #beginUndo(i: number): void {
    this.#steps.push(cancel(`undo.${i}`))
    this.#changePart(i, { accepted: [], undoTries: 0 })
    this.#sendUndo(i)
  }

  /** Sends the commands that undo a step and were not accepted since its last success. */
  #sendUndo(i: number): void {
    const { accepted, undoing: before, undoTries } = this.#state.parts[i]!
    const commands = this.#undoCommands(i)
    const undoing = before + 1
    const unanswered = this.#send(commands, accepted, `${i}:${undoing}:undo`)
    const status = unanswered.length ? 'undoing' : 'undone'
    const change = { status, undoing, undoTries: undoTries + 1, commands: commands.length, unanswered, refused: null } as const
    this.#changePart(i, change)
  }

  #handleUndoAnswer(i: number, answer: StepAnswer): void {
    const { status, undoing, unanswered: open } = this.#state.parts[i]!
    if (status !== 'undoing' || undoing !== answer.attempt || !open.includes(answer.command)) return
    const { accepted, unanswered, commands, undoTries } = this.#noteAnswer(i, answer)
    if (unanswered.length) return
    if (accepted.length === commands) this.#changePart(i, { status: 'undone' })
    else if (undoTries < UNDO_TRIES_MAX) return void this.#steps.push(after(`${2 ** (undoTries - 1)} seconds`, `undo.${i}`))
    else {
      this.#changePart(i, { status: 'stuck' })
      this.#state = { ...this.#state, status: 'stuck' }
    }
    this.#moveOn()
  }

  #changePart(i: number, change: Partial<SagaPart>): void {
    this.#state = { ...this.#state, parts: this.#state.parts.with(i, { ...this.#state.parts[i]!, ...change }) }
  }
}

/** The step at which a saga is stuck, and why. Null: it is not stuck. */
export function stuckStep({ status, parts }: SagaState): string | null {
  const i = parts.findIndex(part => part.status === 'stuck')
  if (status !== 'stuck' || i < 0) return null
  const what = i < parts.length - 1 ? `step ${i + 1} cannot be undone` : 'its last commands are refused'
  return `${what}: ${parts[i]!.refused?.code}`
}
