// Decisions and folds without a runtime come to what a runtime answers.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../definitions/decider/decider.ts'
import { reject } from '../definitions/decider/reject.ts'
import { events } from '../definitions/event/events.ts'
import { PayloadError } from '../definitions/event/payload.ts'
import { runtime } from '../runtime.ts'
import { decide, evolve } from './decide.ts'

const Counter = events('counter', {
  Added: z.object({ by: z.int(), who: z.string().nullable() }),
  Closed: z.object({ at: z.string() }),
})
const counter = decider(Counter, {
  initial: { n: 0, isClosed: false },
  evolve: { Added: (s, { by }) => ({ ...s, n: s.n + by }), Closed: s => ({ ...s, isClosed: true }) },
  commands: { add: z.object({ by: z.int().default(1) }), close: z.object({}), spoil: z.object({}) },
  decide: {
    add: ({ n, isClosed }, { by }, { actor }) => {
      if (isClosed) return reject('closed')
      return n + by > 9 ? reject('too-many', { n }) : Counter.Added({ by, who: actor })
    },
    close: ({ isClosed }, _, { now }) => (isClosed ? [] : Counter.Closed({ at: now.toISOString() })),
    spoil: s => {
      s.n = 1
      return []
    },
  },
})

describe('a decision of a test', () => {
  test('a decision of a test gives the events and the state after them, with what the schema of the command adds', () => {
    expect(decide(counter, { n: 1, isClosed: false }, counter.add('c1', {}), { actor: 'ann' })).toEqual({
      outcome: 'accepted',
      events: [Counter.Added({ by: 1, who: 'ann' })],
      state: { n: 2, isClosed: false },
    })
    expect(decide(counter, { n: 1, isClosed: true }, counter.close('c1', {}))).toMatchObject({ outcome: 'accepted', events: [] })
  })

  test('a decision of a test has the time and the caller that it is given, and one fixed time without', () => {
    const open = { n: 0, isClosed: false }
    const at = (found: ReturnType<typeof decide>) => (found.outcome === 'accepted' ? found.events[0]!.data : null)
    expect(at(decide(counter, open, counter.close('c1', {})))).toEqual({ at: '2030-01-01T00:00:00.000Z' })
    const now = new Date('2031-05-06T07:08:09Z')
    expect(at(decide(counter, open, counter.close('c1', {}), { now }))).toEqual({ at: '2031-05-06T07:08:09.000Z' })
  })

  test('a decision of a test has the caller as its initiator, and behind a process only the one that it is given', () => {
    const seen = decider(Counter, {
      initial: {},
      evolve: { Added: s => s, Closed: s => s },
      commands: { look: z.object({}) },
      decide: { look: (_, __, { actor, initiator }) => reject('seen', { actor, initiator }) },
    })
    for (const [given, initiator] of [
      [{}, null],
      [{ actor: 'ann' }, 'ann'],
      [{ actor: 'process:sums' }, null],
      [{ actor: 'process:sums', initiator: 'ann' }, 'ann'],
    ] as const)
      expect(decide(seen, {}, seen.look('c1', {}), given)).toMatchObject({ data: { actor: null, ...given, initiator } })
  })

  test('a decision of a test is refused as its sender would be told', async () => {
    const emaki = await runtime({ serve: [counter] })
    try {
      const wrong = [counter.add('c1', { by: 10 }), counter.add('c1', { by: 0.5 }), counter.add('', { by: 1 })]
      for (const command of wrong)
        expect<unknown>(decide(counter, evolve(counter, []), command)).toEqual(await emaki.send(command))
    } finally {
      await emaki.close()
    }
  })

  test('a fold of a test refuses a fact of another family, whose type may have the same name, and an unknown type', () => {
    const Other = events('other', { Added: z.object({}) })
    expect(() => evolve(counter, [Other.Added({}) as never])).toThrow(new TypeError('other.Added is no event of counter'))
    const unknown = { category: 'counter', type: 'toString', data: {} } as const
    expect(() => evolve(counter, [unknown])).toThrow(new TypeError('counter.toString is no event of counter'))
  })

  test('a decision of a test that writes to its state throws, and so does an event that JSON would change', () => {
    expect(() => decide(counter, { n: 0, isClosed: false }, counter.spoil('c1', {}))).toThrow(TypeError)
    expect(() => decide(counter, { n: -0, isClosed: false }, counter.add('c1', { by: -0 }))).toThrow(PayloadError)
  })
})

test('a decision of a test takes the commands and the states of its decider, and no others', () => {
  const state = { n: 0, isClosed: false }
  expect(() => {
    // @ts-expect-error a command of another decider
    decide(counter, state, { decider: 'other', command: 'add', id: 'c1', data: { by: 1 } })
    // @ts-expect-error data of another shape
    decide(counter, state, { decider: 'counter', command: 'add', id: 'c1', data: { by: 'one' } })
    // @ts-expect-error half a state
    decide(counter, { n: 0 }, counter.add('c1', { by: 1 }))
  }).not.toThrow()
})

describe('a fold of a test', () => {
  test('a fold of a test begins with the initial state, or with the one that it is given', () => {
    const added = [1, 2].map(by => Counter.Added({ by, who: null }))
    expect(evolve(counter, added)).toEqual({ n: 3, isClosed: false })
    expect(evolve(counter, added, { n: 5, isClosed: true })).toEqual({ n: 8, isClosed: true })
  })

  test('a fold of a test that reads metadata gets that of its fact, or of its decision', () => {
    const signed = decider(Counter, {
      initial: [] as readonly string[],
      readsMeta: true,
      evolve: {
        Added: (state, _, { meta }) => [...state, `${meta.actor} ${meta.custom?.['tenant']}`],
        Closed: state => state,
      },
      commands: { add: z.object({}) },
      decide: { add: () => Counter.Added({ by: 1, who: null }) },
    })
    const meta = { actor: 'ann', custom: { tenant: 'north' } }
    const state = evolve(signed, [{ ...Counter.Added({ by: 1, who: null }), meta }])
    expect(state).toEqual(['ann north'])
    const decided = decide(signed, state, signed.add('c1', {}), { actor: 'bob', meta: { custom: { tenant: 'south' } } })
    expect(decided).toMatchObject({ outcome: 'accepted', state: ['ann north', 'bob south'] })
    expect(decided).toHaveProperty('events', [Counter.Added({ by: 1, who: null })])
  })
})
