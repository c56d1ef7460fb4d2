// Sagas: every fault at every step, and what they come to.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../decider/decider.ts'
import { events, spec } from '../event/events.ts'
import { saga } from './saga.ts'
import type { SagaState } from './saga-state.ts'
import { checkSagaRun, sagaCases } from '../../testing/saga-cases.ts'
import type { Process } from './process.ts'

const none = z.object({})
const Trip = events('trip', { Booked: z.object({ cents: z.int() }) })
const Part = events('part', { Held: none, Freed: none, Charged: none, Declined: none })
const trip = decider(Trip, {
  initial: {},
  evolve: { Booked: s => s },
  commands: { confirm: none, fail: z.object({ code: z.string() }) },
  decide: { confirm: () => [], fail: () => [] },
})
const part = decider(Part, {
  initial: {},
  evolve: { Held: s => s, Freed: s => s, Charged: s => s, Declined: s => s },
  commands: { hold: none, free: none, charge: z.object({ cents: z.int() }), refund: none },
  decide: { hold: () => [], free: () => [], charge: () => [], refund: () => [] },
})
const hold = (what: string) => ({
  run: (_: unknown, key: string) => part.hold(`${what}-${key}`, {}),
  undo: (_: unknown, key: string) => part.free(`${what}-${key}`, {}),
})

const booking = saga('booking', {
  from: [Trip, Part],
  to: [trip, part],
  begins: { Booked: ({ cents }) => ({ cents }) },
  steps: [
    { ...hold('flight'), timeout: '10 minutes', retry: 2 },
    [
      hold('hotel'),
      { ...hold('car'), timeout: '1 minute' },
      {
        run: (_, key) => [part.hold(`a-${key}`, {}), part.hold(`b-${key}`, {})],
        undo: (_, key) => [part.free(`a-${key}`, {}), part.free(`b-${key}`, {})],
      },
    ],
    {
      run: ({ cents }, key) => part.charge(key, { cents }),
      undo: (_, key) => part.refund(key, {}),
      until: 'Charged',
      unless: 'Declined',
      timeout: '15 minutes',
    },
    { run: (_, key) => trip.confirm(key, {}), retry: 1 },
  ],
  undone: (_, { code }, key) => trip.fail(key, { code }),
})

describe('a saga', () => {
  const cases = sagaCases(booking, Trip.Booked({ cents: 5 }), 't1')
  test.each(cases.map(one => [one.title, one.run] as const))('a saga %s', (_, run) => {
    expect(checkSagaRun(run())).toBeNull()
  })

  test('a saga does its steps in order, those of a list side by side', () => {
    const { accepted, state } = cases[0]!.run()
    expect(accepted.map(({ command, id }) => `${command} ${id}`)).toEqual([
      'hold flight-t1',
      'hold hotel-t1',
      'hold car-t1',
      'hold a-t1',
      'hold b-t1',
      'charge t1',
      'confirm t1',
    ])
    expect(state.status).toBe('done')
  })

  test('a saga undoes what was done in reverse, and says why', () => {
    const { accepted, state } = cases.find(({ title }) => title === 'ends where step 5 is refused')!.run()
    expect(state).toMatchObject({ status: 'undone', failure: { step: 4, code: 'refused' } })
    expect(accepted.map(({ command, id }) => `${command} ${id}`).slice(5)).toEqual([
      'free hotel-t1',
      'free car-t1',
      'free a-t1',
      'free b-t1',
      'free flight-t1',
      'fail t1',
    ])
  })

  test('a saga tries a step again as often as it is defined', () => {
    const { state } = cases.find(({ title }) => title === 'ends where step 1 is refused')!.run()
    expect(state.parts[0]).toMatchObject({ attempt: 3, status: 'failed' })
  })

  test('a saga undoes a step that answers after its timeout, when it does', () => {
    const { accepted, state } = cases.find(({ title }) => title === 'ends where step 5 answers after its timeout')!.run()
    expect(state.status).toBe('undone')
    expect(accepted.map(({ command }) => command).slice(-2)).toEqual(['charge', 'refund'])
  })

  test('a saga that waits for a fact needs a timeout', () => {
    const buildEndless = () =>
      saga('endless', {
        from: [Trip, Part],
        to: part,
        begins: { Booked: () => ({}) },
        steps: [{ run: (_, key) => part.hold(key, {}), until: 'Held' }],
      })
    expect(buildEndless).toThrow('a step with until Held needs a timeout, because Held may never come')
  })
})

describe('planted bugs in sagas', () => {
  const plantBug = (
    plant: (process: Process<string, SagaState>[typeof spec]) => Partial<Process<string, SagaState>[typeof spec]>,
  ) => {
    // The compiled process is what a bug is planted in.
    const sound = booking[spec]
    return Object.assign(sound, plant(sound))
  }
  test('the cases of a saga catch a step that is never undone, and a state that is another after a crash', () => {
    const sound = { ...booking[spec] }
    let calls = 0
    for (const [bug, take] of [
      [
        'still stands',
        (state: unknown, input: never) => {
          const { state: next, steps } = sound.handleInput(state, input)
          return { state: next, steps: steps.filter(step => !('command' in step && step.command === 'free')) }
        },
      ],
      [
        'another after a crash',
        (state: unknown, input: never) => {
          const { state: next, steps } = sound.handleInput(state, input)
          return { state: { ...(next as object), calls: ++calls }, steps }
        },
      ],
    ] as const) {
      plantBug(() => ({ handleInput: take as never }))
      const wrong = sagaCases(booking, Trip.Booked({ cents: 5 }), 't1').map(({ run }) => {
        try {
          return checkSagaRun(run())
        } catch (error) {
          return String(error)
        }
      })
      expect(
        wrong.some(one => one !== null && (one.includes(bug) || one.includes('undoing'))),
        bug,
      ).toBeTrue()
    }
    plantBug(() => ({ handleInput: sound.handleInput }))
  })
})
