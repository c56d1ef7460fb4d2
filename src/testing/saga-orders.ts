// Every order in which answers, facts, timers and restarts can reach a saga, within a number of surprises. Pure: only
// the saga itself runs. The world around it is a value, so that a search can go on from each state of it.
import type { Command } from '../definitions/decider/command.ts'
import type { Recorded } from '../definitions/event/events.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import { advanceInstance, NO_INSTANCE, type ProcessInstance, splitOutbox } from '../definitions/process/instance.ts'
import { type ANSWERS, DUE } from '../definitions/process/process-events.ts'
import type { ProcessSpec } from '../definitions/process/process.ts'
import type { CompiledStep, SagaState } from '../definitions/process/saga-state.ts'

export type FirstEvent = { readonly category: string; readonly type: string; readonly data: unknown }
/** Whether the last effect of a step did it or undid it. Null: it had none. */
export type StepEffect = 'done' | 'undone' | null
/** The end of one order. */
export type SagaEnd = {
  readonly state: SagaState
  readonly accepted: readonly Command[]
  readonly left: readonly StepEffect[]
  /** What happened, in order. */
  readonly trace: readonly string[]
}

type Sent = { readonly command: Command; readonly label: string | null; readonly id: string }
type Answer = Sent & { readonly type: (typeof ANSWERS)[number]; readonly code: string }
type Fact = { readonly step: number; readonly ending: 'until' | 'unless' }
type Timers = ReadonlyMap<string, { readonly set: number; readonly due: number }>
type Chain<T> = { readonly last: T; readonly before: Chain<T> } | null

/** The world around a saga. What is `sent` is not decided yet. `answers` and `facts` are on their way to the saga. */
type World = {
  readonly instance: ProcessInstance
  readonly log: Chain<Recorded>
  readonly trace: Chain<string>
  readonly accepted: Chain<Command>
  readonly sent: readonly Sent[]
  readonly answers: readonly Answer[]
  readonly facts: readonly Fact[]
  readonly timers: Timers
  readonly left: readonly StepEffect[]
  readonly now: number
  /** How many more surprises may come. */
  readonly surprises: number
}

/** Something that can happen next. The first of them is what happens when nothing surprising does. */
type Move = { readonly what: string; readonly move: (world: World) => World }

const WORLDS_MAX = 1_000_000

/**
 * Goes through all orders with at most so many surprises: an input that overtakes another, a timer that fires first, a
 * refusal, a fact that never comes. Gives the first end that `isWrong` finds, or the end without a surprise. Throws if
 * a saga has another state after a restart.
 */
export function exploreSaga(
  process: ProcessSpec,
  steps: readonly CompiledStep[],
  { first, key, surprises }: { readonly first: FirstEvent; readonly key: string; readonly surprises: number },
  isWrong: (end: SagaEnd) => boolean,
): SagaEnd {
  const saga = new SagaWorlds(process, steps, key)
  const seen = new Set<string>()
  const waiting = [saga.begin(first, surprises)]
  let calm: SagaEnd | null = null
  for (let world = waiting.pop(); world; world = waiting.pop()) {
    const known = keyOf(world)
    if (seen.has(known)) continue
    if (seen.add(known).size > WORLDS_MAX) throw new Error(`${process.name} has more than ${WORLDS_MAX} states`)
    const moves = saga.movesOf(world)
    if (moves.length === 0) {
      const end = saga.endOf(world)
      if (isWrong(end)) return end
      if (world.surprises === surprises) calm = end
    }
    const allowed = world.surprises > 0 ? moves : moves.slice(0, 1)
    for (const [i, { what, move }] of allowed.entries()) {
      const left = i === 0 ? world.surprises : world.surprises - 1
      waiting.push(move({ ...world, surprises: left, trace: { last: what, before: world.trace } }))
    }
  }
  return calm!
}

class SagaWorlds {
  readonly #process: ProcessSpec
  readonly #steps: readonly CompiledStep[]
  readonly #key: string

  constructor(process: ProcessSpec, steps: readonly CompiledStep[], key: string) {
    this.#process = process
    this.#steps = steps
    this.#key = key
  }

  begin(first: FirstEvent, surprises: number): World {
    const nothing = { log: null, trace: null, accepted: null, sent: [], answers: [], facts: [], timers: new Map() }
    const left = this.#steps.map(() => null)
    return this.#tell({ ...nothing, instance: NO_INSTANCE, left, now: 0, surprises }, first)
  }

  endOf({ instance, log, accepted, left, trace }: World): SagaEnd {
    let again = NO_INSTANCE
    for (const event of listOf(log)) again = splitOutbox(advanceInstance(this.#process, again, event, this.#key)).instance!
    if (JSON.stringify(again) !== JSON.stringify(instance)) throw new Error(`${this.#process.name} is another after a restart`)
    // The state of a saga is a SagaState.
    return { state: instance.state as SagaState, accepted: listOf(accepted), left, trace: listOf(trace) }
  }

  movesOf({ sent, answers, facts, timers }: World): readonly Move[] {
    const [timer] = [...timers].toSorted(([, one], [, other]) => one.due - other.due)
    return [
      ...sent.slice(0, 1).flatMap(one => this.#decisionsOf(one)),
      ...answers.map(
        (answer, i): Move => ({
          what: `${nameOf(answer)} ${answer.type}`,
          move: world => this.#answer({ ...world, answers: world.answers.toSpliced(i, 1) }, answer),
        }),
      ),
      ...facts.map(
        (fact, i): Move => ({
          what: this.#steps[fact.step]![fact.ending]!.type,
          move: world => this.#happen({ ...world, facts: world.facts.toSpliced(i, 1) }, fact),
        }),
      ),
      ...(timer ? [{ what: timer[0], move: (world: World) => this.#fire(world, timer[0]) }] : []),
    ]
  }

  /** The decisions that may come of a command. */
  #decisionsOf(sent: Sent): readonly Move[] {
    const decide = (what: string, type: Answer['type'], change: (world: World) => World = same): Move => ({
      what: `${nameOf(sent)} ${what}`,
      move: world => {
        const answer = { ...sent, type, code: type === 'Accepted' ? 'accepted' : 'refused' }
        const rest = { ...world, sent: world.sent.slice(1), answers: [...world.answers, answer] }
        return change(type === 'Accepted' ? { ...rest, accepted: { last: sent.command, before: world.accepted } } : rest)
      },
    })
    const [text, , way] = (sent.label ?? '').split(':')
    const step = Number(text)
    const refuse = decide('is refused', 'Rejected')
    // Commands that are sent at the end belong to no step.
    if (step === this.#steps.length) return [decide('is accepted', 'Accepted'), refuse]
    if (way === 'undo') return [decide('is accepted', 'Accepted', world => leave(world, step, 'undone')), refuse]
    const { until, unless } = this.#steps[step]!
    if (!until) return [decide('is accepted', 'Accepted', world => leave(world, step, 'done')), refuse]
    const expect = (ending: Fact['ending']) => (world: World) => this.#expectFact(world, { step, ending })
    return [
      decide('is accepted', 'Accepted', expect('until')),
      refuse,
      decide('is accepted in vain', 'Accepted'),
      ...(unless ? [decide('is accepted and fails', 'Accepted', expect('unless'))] : []),
    ]
  }

  /** A fact that is on its way, or has come, does not come again. */
  #expectFact(world: World, fact: Fact): World {
    const isThere = world.left[fact.step] === 'done' || world.facts.some(({ step }) => step === fact.step)
    return isThere ? world : { ...world, facts: [...world.facts, fact] }
  }

  #answer(world: World, { command, label, id, type, code }: Answer): World {
    const data = { by: id, command, code, ...(label !== null && { label }) }
    return this.#tell(world, { category: this.#process.name, type, data })
  }

  #happen(world: World, { step, ending }: Fact): World {
    const { category, type } = this.#steps[step]![ending]!
    return this.#tell(ending === 'until' ? leave(world, step, 'done') : world, { category, type, data: {} })
  }

  #fire(world: World, timer: string): World {
    const { set, due } = world.timers.get(timer)!
    const timers = new Map(world.timers)
    timers.delete(timer)
    const now = Math.max(world.now, due)
    return this.#tell({ ...world, timers, now }, { category: this.#process.name, type: DUE, data: { timer, set } })
  }

  /** Tells the saga an event, as if it had just been started again. */
  #tell(world: World, told: FirstEvent): World {
    const event = recordEvent(told, this.#key, (world.log?.last.position ?? 0) + 1, world.now)
    const before = JSON.parse(JSON.stringify(world.instance)) as ProcessInstance
    const { instance, changes } = splitOutbox(advanceInstance(this.#process, before, event, this.#key))
    const timers = new Map(world.timers)
    const sent = [...world.sent]
    for (const change of changes) {
      if ('isCancelled' in change) timers.delete(timerOf(change.id))
      else if (change.timer !== null) timers.set(change.timer, { set: change.set, due: change.due })
      else sent.push({ id: change.id, command: change.command!, label: change.meta.label ?? null })
    }
    return { ...world, instance: instance!, log: { last: event, before: world.log }, timers, sent }
  }
}

/** Makes a recorded event of the instance that a test is about. */
export function recordEvent({ category, type, data }: FirstEvent, key: string, position: number, now: number): Recorded {
  const place = { id: `e${position}`, stream: streamName(category, key), instance: key, version: position, position }
  const meta = { schema: '', correlation: 'c', causation: 'c' }
  // Only a process reads it, by the fields that it has.
  return { category, type, data, ...place, at: new Date(now).toISOString(), meta } as unknown as Recorded
}

/** The name of a timer in the id of its entry. The name holds no @. */
export function timerOf(id: string): string {
  return id.slice(id.lastIndexOf('@') + 1)
}

/** What tells one world from another. Positions do not: they only number the way to it. */
function keyOf({ instance, sent, answers, facts, timers, left, now, surprises }: World): string {
  const due = [...timers].map(([name, { due }]) => [name, due - now])
  const pending = [sent.map(({ label }) => label), answers.map(({ label, type }) => [label, type])]
  return JSON.stringify([instance.state, due, pending, facts, left, surprises])
}

function leave(world: World, step: number, effect: StepEffect): World {
  return { ...world, left: world.left.with(step, effect) }
}

function same(world: World): World {
  return world
}

function nameOf({ command: { command, id }, label }: Sent): string {
  return `${command} ${id}${label === null ? '' : ` (${label})`}`
}

function listOf<T>(chain: Chain<T>): readonly T[] {
  const list: T[] = []
  for (let at = chain; at; at = at.before) list.push(at.last)
  return list.toReversed()
}
