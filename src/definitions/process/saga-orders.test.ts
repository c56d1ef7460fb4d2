// Sagas in every order of answers, facts, timers and restarts.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { checkSagaRun, sagaCases } from '../../testing/saga-cases.ts'
import { decider } from '../decider/decider.ts'
import { events, spec } from '../event/events.ts'
import type { Input, Reaction } from './process.ts'
import { saga } from './saga.ts'
import type { SagaState } from './saga-state.ts'

const none = z.object({})
const Deal = events('deal', { Begun: none, Charged: none, Declined: none })
const deal = decider(Deal, {
  initial: {},
  evolve: { Begun: s => s, Charged: s => s, Declined: s => s },
  commands: { hold: none, free: none, charge: none, refund: none, close: none },
  decide: { hold: () => [], free: () => [], charge: () => [], refund: () => [], close: () => [] },
})
const run =
  (command: 'hold' | 'free' | 'charge' | 'refund' | 'close', at = '') =>
  (_: unknown, key: string) =>
    deal[command](`${at}${key}`, {})
const base = { from: Deal, to: deal, begins: { Begun: () => ({}) } } as const
const held = { run: run('hold'), undo: run('free'), timeout: '1 minute', retry: 1 } as const
const charged = { run: run('charge'), undo: run('refund'), until: 'Charged', unless: 'Declined', timeout: '1 minute' } as const

/** The problem that the search of a saga finds. Null: there is none. */
function problemOf(process: Parameters<typeof sagaCases>[0], surprises: number): string | null {
  return checkSagaRun(sagaCases(process, Deal.Begun({}), 'd1', { surprises }).at(-1)!.run())
}

describe('a saga in every order', () => {
  test('a saga counts a fact that comes between two attempts, or undoes its step', () => {
    const waiting = saga('waiting', { ...base, steps: [{ ...charged, retry: 2 }, { run: run('close') }] })
    expect(problemOf(waiting, 4)).toBeNull()
  })

  test('a saga counts a late answer of any attempt, or undoes its step', () => {
    const answered = saga('answered', { ...base, steps: [{ ...held, retry: 2 }, { run: run('close') }] })
    expect(problemOf(answered, 4)).toBeNull()
  })

  test('a saga of several commands a step, some of them side by side, is done or undone as a whole', () => {
    const both = {
      run: (_: unknown, key: string) => [deal.hold(`a-${key}`, {}), deal.hold(`b-${key}`, {})],
      undo: (_: unknown, key: string) => [deal.free(`a-${key}`, {}), deal.free(`b-${key}`, {})],
      ...({ timeout: '1 minute', retry: 1 } as const),
    } as const
    const whole = saga('whole', { ...base, steps: [[both, held], { ...charged, retry: 1 }] })
    expect(problemOf(whole, 3)).toBeNull()
  })
})

/** A saga whose compiled process has a bug planted. */
type Plant = (sound: (state: SagaState, input: Input) => Reaction, state: SagaState, input: Input) => Reaction

function planted(plant: Plant): ReturnType<typeof buildSound> {
  const process = buildSound()
  const { handleInput } = process[spec]
  // A definition is frozen only at its top.
  Object.assign(process[spec], {
    handleInput: (state: SagaState, input: Input) => plant(handleInput as Parameters<Plant>[0], state, input),
  })
  return process
}

function buildSound() {
  return saga('sound', { ...base, steps: [held, { ...charged, retry: 1 }, { run: run('close') }] })
}

const ignored = (state: SagaState): Reaction => ({ state, steps: [] })
const isFact = (input: Input): boolean => input.kind === 'event' && input.event.type === 'Charged'
let calls = 0
const PLANTED: readonly (readonly [string, Plant, string])[] = [
  [
    'a fact between two attempts is passed over',
    (sound, state, input) =>
      isFact(input) && state.parts.some(({ status }) => status === 'pausing') ? ignored(state) : sound(state, input),
    'step 2 still stands',
  ],
  [
    'an answer of an earlier attempt is passed over',
    (sound, state, input) =>
      'label' in input && input.label?.startsWith('0:1:run') && state.parts[0]?.attempt !== 1
        ? ignored(state)
        : sound(state, input),
    'step 1 still stands',
  ],
  [
    'a success after the saga was undone is passed over',
    (sound, state, input) => (isFact(input) && state.status === 'undone' ? ignored(state) : sound(state, input)),
    'step 2 still stands',
  ],
  [
    'a pause is remembered outside of the state',
    (sound, state, input) => {
      const { state: next, steps } = sound(state, input)
      return { state: { ...(next as SagaState), calls: ++calls }, steps }
    },
    'sound is another after a restart',
  ],
]

describe('planted bugs in sagas', () => {
  test('the orders of a sound saga show no bug', () => expect(problemOf(buildSound(), 3)).toBeNull())

  test.each(PLANTED)('the orders of a saga show that %s', (_, plant, problem) => {
    const found = () => {
      try {
        return problemOf(planted(plant), 3)
      } catch (error) {
        return String(error)
      }
    }
    expect(found()).toContain(problem)
  })
})
