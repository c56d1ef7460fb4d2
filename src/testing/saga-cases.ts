// Faults of a saga, made from its declared steps: each step is refused, fails for good, answers too late, twice, or not
// at all; and whatever comes in another order. Pure: only the saga itself runs.
import type { Command } from '../definitions/decider/command.ts'
import { type Recorded, spec } from '../definitions/event/events.ts'
import { advanceInstance, NO_INSTANCE, type ProcessInstance, outbox, splitOutbox } from '../definitions/process/instance.ts'
import { type ANSWERS, DUE } from '../definitions/process/process-events.ts'
import type { Process, ProcessSpec } from '../definitions/process/process.ts'
import { sagas } from '../definitions/process/saga.ts'
import type { SagaState } from '../definitions/process/saga-state.ts'
import { exploreSaga, type FirstEvent, recordEvent, type StepEffect, timerOf } from './saga-orders.ts'

export type SagaCase = {
  readonly title: string
  /**
   * Runs the case. Gives the end state, the accepted commands in order, and the result of each step. Throws if the saga
   * never ends.
   */
  readonly run: () => SagaRun
}
export type SagaRun = {
  readonly state: SagaState
  /** The accepted commands, in order. */
  readonly accepted: readonly Command[]
  /** For each step: whether its last effect did it or undid it; null: it had none. */
  readonly left: readonly StepEffect[]
  /** What happened, in order, where the case tries many orders. */
  readonly trace?: readonly string[]
}

/** The fate of one attempt at one step. */
const FAULTS = [
  'is refused',
  'fails for good',
  'times out',
  'answers after its timeout',
  'answers twice',
  'is followed by a crash',
] as const
export type Fault = (typeof FAULTS)[number]

const INPUTS_MAX = 10_000
const SURPRISES = 2

/**
 * Makes a case for every fault at every step of a saga that begins with an event, and one for all orders in which its
 * answers, facts, timers and restarts can come. `checkSagaRun` tells whether a run ended well.
 *
 * - `surprises`: how often in one order something comes before its turn, is refused, or does not come. The number of
 *   orders grows fast with it. Default: 2.
 *
 * @example
 * for (const { title, run } of sagaCases(fulfilment, Order.Placed(basket), 'o1'))
 *   test(title, () => expect(checkSagaRun(run())).toBeNull())
 */
export function sagaCases(
  saga: Process<string, SagaState>,
  first: FirstEvent,
  key: string,
  { surprises = SURPRISES }: { readonly surprises?: number } = {},
): readonly SagaCase[] {
  const process = saga[spec]
  const known = sagas.get(process)
  if (!known) throw new TypeError(`${process.name} is no saga`)
  if (!process.begins.get(first.category)?.has(first.type))
    throw new TypeError(`${first.category}.${first.type} begins no ${process.name}`)
  const simulated = (fault: Fault | null, step: number) => () => new Simulation(process, first, key, fault, step).run()
  return [
    { title: 'ends well where nothing goes wrong', run: simulated(null, -1) },
    ...known.steps.flatMap((_, i) =>
      FAULTS.map(fault => ({ title: `ends where step ${i + 1} ${fault}`, run: simulated(fault, i) })),
    ),
    {
      title: `ends well in every order with at most ${surprises} surprises`,
      run: () => exploreSaga(process, known.steps, { first, key, surprises }, end => checkSagaRun(end) !== null),
    },
  ]
}

/** Checks the end of a saga: it has done every step, or has undone all of them. Gives the problem, or null. */
export function checkSagaRun({ trace, ...run }: SagaRun): string | null {
  const problem = problemOf(run)
  return problem === null || !trace ? problem : `${problem}, after: ${trace.join(', ')}`
}

function problemOf({ state, left }: SagaRun): string | null {
  if (state.status === 'done') {
    const missing = left.indexOf('undone')
    return missing < 0 ? null : `it is done, and step ${missing + 1} was undone`
  }
  if (state.status !== 'undone') return `it ended ${state.status}: ${JSON.stringify(state.failure)}`
  const standing = left.findIndex((one, i) => one === 'done' && state.parts[i]!.undoing > 0)
  const forgotten = left.findIndex((one, i) => one === 'done' && state.parts[i]!.status !== 'undone')
  const wrong = Math.max(standing, forgotten)
  return wrong < 0 ? null : `it is undone, and step ${wrong + 1} still stands`
}

type Sent = { readonly id: string; readonly command: Command; readonly label: string | null }

class Simulation {
  readonly #process: ProcessSpec
  readonly #key: string
  readonly #fault: Fault | null
  readonly #step: number
  readonly #accepted: Sent[] = []
  /** All events, so that they can be folded again. */
  readonly #log: Recorded[] = []
  #instance: ProcessInstance = NO_INSTANCE
  #sent: Sent[] = []
  #late: Sent[] = []
  #timers = new Map<string, { readonly set: number; readonly due: number }>()
  #now = 0

  constructor(process: ProcessSpec, first: FirstEvent, key: string, fault: Fault | null, step: number) {
    this.#process = process
    this.#key = key
    this.#fault = fault
    this.#step = step
    this.#happens(first.category, first.type, first.data)
  }

  run(): SagaRun {
    for (let inputs = 0; this.#next(); inputs++) if (inputs > INPUTS_MAX) throw new Error(`${this.#process.name} never ends`)
    const { steps } = sagas.get(this.#process)!
    const left = steps.map((_, i) => {
      const last = this.#accepted.findLast(({ label }) => label?.startsWith(`${i}:`))
      return last ? (last.label?.split(':')[2] === 'undo' ? 'undone' : 'done') : null
    })
    return { state: this.#state, accepted: this.#accepted.map(({ command }) => command), left } as SagaRun
  }

  get #state(): SagaState {
    return this.#instance.state as SagaState
  }

  /**
   * Answers the next command; otherwise delivers a late answer; otherwise lets time pass to the next timer. False:
   * nothing more can happen.
   */
  #next(): boolean {
    const sent = this.#sent.shift()
    if (sent) {
      this.#answer(sent)
      return true
    }
    const [timer, found] = [...this.#timers].toSorted(([, one], [, other]) => one.due - other.due)[0] ?? []
    if (timer !== undefined && found) {
      this.#now = Math.max(this.#now, found.due)
      this.#timers.delete(timer)
      this.#happens(this.#process.name, DUE, { timer, set: found.set })
      return true
    }
    const late = this.#late.shift()
    if (late) this.#accept(late)
    return late !== undefined
  }

  #answer(sent: Sent): void {
    const [step, , way] = (sent.label ?? '').split(':')
    const found = sagas.get(this.#process)!.steps[Number(step)]
    // Commands that are sent at the end belong to no step.
    if (!found) return this.#accept(sent)
    const isHit = Number(step) === this.#step && way === 'run'
    const { timeout } = found
    const fault = isHit ? this.#fault : null
    if (fault === 'is refused') return this.#say(sent, 'Rejected', 'refused')
    if (fault === 'fails for good') return this.#say(sent, 'Failed', 'failed')
    // A step without a timeout always gets an answer.
    if (fault === 'times out' && timeout) return
    if (fault === 'answers after its timeout' && timeout) return void this.#late.push(sent)
    this.#accept(sent)
    if (fault === 'answers twice') this.#accept(sent)
    if (fault === 'is followed by a crash') this.#crash()
  }

  /** Accepts a command, and lets the fact that it begins happen. */
  #accept(sent: Sent): void {
    this.#accepted.push(sent)
    this.#say(sent, 'Accepted', 'accepted')
    const [step, , way] = (sent.label ?? '').split(':')
    const until = sagas.get(this.#process)!.steps[Number(step)]?.until
    if (way === 'run' && until) this.#happens(until.category, until.type, {})
  }

  #say({ id, command, label }: Sent, type: (typeof ANSWERS)[number], code: string): void {
    this.#happens(this.#process.name, type, { by: id, command, code, ...(label !== null && { label }) })
  }

  #happens(category: string, type: string, data: unknown): void {
    const event = recordEvent({ category, type, data }, this.#key, this.#log.length + 1, this.#now)
    this.#log.push(event)
    const { instance, changes } = splitOutbox(advanceInstance(this.#process, this.#instance, event, this.#key))
    this.#instance = instance!
    for (const change of changes) {
      if ('isCancelled' in change) this.#timers.delete(timerOf(change.id))
      else if (change.timer !== null) this.#timers.set(change.timer, { set: change.set, due: change.due })
      else this.#sent.push({ id: change.id, command: change.command!, label: change.meta.label ?? null })
    }
  }

  /** Folds the log again, as after a crash. The process has to know the same as before. */
  #crash(): void {
    let again = NO_INSTANCE
    for (const event of this.#log) again = splitOutbox(advanceInstance(this.#process, again, event, this.#key)).instance!
    if (JSON.stringify(again) !== JSON.stringify({ ...this.#instance, [outbox]: undefined }))
      throw new Error(`${this.#process.name} is another after a crash`)
    this.#instance = again
  }
}
