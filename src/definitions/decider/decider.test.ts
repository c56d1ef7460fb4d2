import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, spec } from '../event/events.ts'
import { PAYLOAD_LENGTH_MAX, PayloadError } from '../event/payload.ts'
import { fingerprint } from '../event/schema.ts'
import { commands } from './command.ts'
import { type DeciderSpec, decider } from './decider.ts'
import { decide, evolve, type Folded, fold } from './fold.ts'
import { reject } from './reject.ts'

const None = z.object({})
const Added = z.object({ by: z.int() })
const Counter = events('counter', { Added, Reset: None }, { was: { Looked: null } })
const counter = decider(Counter, {
  initial: { n: 0, history: [] as readonly number[] },
  evolve: {
    Added: (s, { by }) => ({ n: s.n + by, history: [...s.history, by] }),
    Reset: s => ({ ...s, n: 0 }),
  },
  commands: { add: z.object({ by: z.coerce.number().int().default(1) }), addTwice: Added, reset: None, look: None },
  decide: {
    add: (s, { by }) => (s.n + by > 99 ? reject('too-many', { n: s.n }) : Counter.Added({ by })),
    addTwice: (_, { by }) => [Counter.Added({ by }), Counter.Added({ by })],
    reset: s => (s.n === 0 ? [] : Counter.Reset({})),
    look: (s, _, { instance, now, actor, initiator }) =>
      reject('seen', { n: s.n, instance, now: now.toISOString(), actor, initiator }),
  },
})
const spec_ = counter[spec]
const context = { instance: 'c1', now: new Date(0), actor: null, initiator: null }
const start: Folded = { state: spec_.initial, version: 0 }

describe('a command', () => {
  test('a command is data, and nothing happens until it is sent', () => {
    expect(counter.add('c1', { by: 2 })).toStrictEqual({ decider: 'counter', command: 'add', id: 'c1', data: { by: 2 } })
    expect(JSON.parse(JSON.stringify(counter.reset('c1', {})))).toEqual({
      decider: 'counter',
      command: 'reset',
      id: 'c1',
      data: {},
    })
  })

  test('a command keeps its input as it is: it is parsed when it is sent', () => {
    expect(counter.add('c1', {}).data).toEqual({})
    expect(counter.add('c1', { by: '7' }).data).toEqual({ by: '7' })
  })

  test('a command is known by the function that makes it', () => {
    expect(counter.add).toMatchObject({ decider: 'counter', command: 'add' })
  })

  test('a command may be named like an inherited property of objects', () => {
    const odd = commands('odd', new Map(['toString', 'constructor', 'valueOf'].map(name => [name, z.object({})])))
    expect(odd['constructor']!('o1', 1)).toEqual({ decider: 'odd', command: 'constructor', id: 'o1', data: 1 })
    expect('hasOwnProperty' in odd).toBeFalse()
  })

  test.each(['', 'Add', 'add-one', '1st', '_add', 'ü', '__proto__', 'x'.repeat(64)])(
    'a command is refused with the name %p',
    name => {
      expect(() => commands('counter', new Map([[name, z.object({})]]))).toThrow(
        'a command name begins with a small letter and has only letters, digits and _',
      )
    },
  )
})

describe('reject', () => {
  test('reject gives a code, and data if there is any', () => {
    expect({ ...reject('sold-out') }).toEqual({ code: 'sold-out', [spec]: 'rejection' })
    expect({ ...reject('sold-out', { left: 0 }) }).toEqual({ code: 'sold-out', data: { left: 0 }, [spec]: 'rejection' })
    expect(JSON.stringify(reject('x', null))).toBe('{"code":"x","data":null}')
  })

  test('reject leaves out what is undefined in its data, as JSON does', () => {
    expect(reject('no', { a: undefined, b: [{ c: undefined, d: 1 }] }).data).toStrictEqual({ b: [{ d: 1 }] })
  })

  test.each<[string, unknown, string]>([
    ['a Date', { at: new Date(0) }, '/data/at: Date is no JSON'],
    ['undefined in a list', [1, undefined], '/data/1: undefined is no JSON'],
    ['NaN', Number.NaN, '/data: NaN is no JSON'],
    ['half a character', '\ud800', '/data: a lone surrogate is no text'],
    ['a MiB of text', 'x'.repeat(PAYLOAD_LENGTH_MAX), 'longer than 1048576 characters'],
  ])('reject refuses data that JSON would change, or that is too long: %s', (_, data, message) => {
    const attempt = () => reject('no', data)
    expect(attempt).toThrow(PayloadError)
    expect(attempt).toThrow(message)
  })

  test.each(['', 'SoldOut', 'sold_out', 'sold out', '-x', '1x', 'x'.repeat(64)])('reject refuses the code %p', code => {
    expect(() => reject(code)).toThrow('a code is in kebab-case')
  })
})

describe('decide', () => {
  const decideOn = (command: ReturnType<(typeof counter)[keyof typeof counter & string]>, state: unknown = spec_.initial) =>
    decide(spec_, state, command, context)

  test('decide gives one event, several, or none', () => {
    expect(decideOn(counter.add('c1', { by: 1 }))).toEqual({ events: [Counter.Added({ by: 1 })] })
    expect(decideOn(counter.addTwice('c1', { by: 1 }))).toEqual({ events: [Counter.Added({ by: 1 }), Counter.Added({ by: 1 })] })
    expect(decideOn(counter.reset('c1', {}))).toEqual({ events: [] })
  })

  test('decide gives a rejection with its code and data', () => {
    expect(decideOn(counter.add('c1', { by: 100 }))).toEqual({ rejection: reject('too-many', { n: 0 }) })
  })

  test('decide is given the state, and instance, time, actor and initiator as values', () => {
    const actor = { instance: 'c7', now: new Date(86_400_000), actor: 'ann', initiator: 'bob' }
    expect(decide(spec_, { n: 5, history: [] }, counter.look('c7', {}), actor)).toEqual({
      rejection: reject('seen', { n: 5, instance: 'c7', now: '1970-01-02T00:00:00.000Z', actor: 'ann', initiator: 'bob' }),
    })
  })

  test('decide gives the same again for the same input', () => {
    fc.assert(
      fc.property(fc.integer({ min: -200, max: 200 }), fc.integer({ min: -200, max: 200 }), (n, by) => {
        const once = () => decideOn(counter.add('c1', { by }), { n, history: [] })
        expect(once()).toEqual(once())
      }),
    )
  })
})

describe('fold', () => {
  const facts = fc.array(
    fc.oneof(
      fc.integer({ min: -9, max: 9 }).map(by => ({ type: 'Added', schema: fingerprint(Added), data: { by } })),
      fc.constant({ type: 'Reset', schema: fingerprint(None), data: {} }),
      fc.constant({ type: 'Looked', schema: 'gone', data: {} }),
    ),
  )

  test('fold gives the initial state where there are no facts', () => {
    expect(fold(spec_, 'counter-c1', start, [])).toEqual(start)
  })

  test('fold of parts is the fold of the whole', () => {
    fc.assert(
      fc.property(facts, fc.nat(), (all, cut) => {
        const at = all.length ? cut % all.length : 0
        const part = fold(spec_, 'counter-c1', start, all.slice(0, at))
        expect(fold(spec_, 'counter-c1', part, all.slice(at))).toEqual(fold(spec_, 'counter-c1', start, all))
      }),
    )
  })

  test('fold of decided events is the fold of stored events', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 })), amounts => {
        const events = amounts.map(by => Counter.Added({ by }))
        const stored = events.map(({ type, data }) => ({
          type,
          schema: fingerprint(Added),
          data: JSON.parse(JSON.stringify(data)),
        }))
        expect(evolve(spec_, start, events)).toEqual(fold(spec_, 'counter-c1', start, stored))
      }),
    )
  })

  test('fold counts every fact, also those that are passed over', () => {
    const looked = { type: 'Looked', schema: 'gone', data: {} }
    expect(fold(spec_, 'counter-c1', start, [looked, looked])).toEqual({ state: spec_.initial, version: 2 })
  })

  test('fold gives a state that is frozen all through', () => {
    const { state } = fold(spec_, 'counter-c1', start, [{ type: 'Added', schema: fingerprint(Added), data: { by: 1 } }])
    expect(Object.isFrozen(state)).toBeTrue()
    expect(Object.isFrozen((state as { history: unknown }).history)).toBeTrue()
  })

  test('fold names the version of a fact that cannot be read', () => {
    const sound = { type: 'Added', schema: fingerprint(Added), data: { by: 1 } }
    const broken = { type: 'Added', schema: 'of no-one', data: { by: 'x' } }
    expect(() => fold(spec_, 'counter-c1', { state: spec_.initial, version: 7 }, [sound, broken])).toThrow(
      /counter-c1 has at version 9 an event Added that cannot be read: by: /,
    )
  })
})

describe('a decider that writes to its state', () => {
  type State = { n: number; list: number[]; deep: { list: number[] } }
  const Act = events('act', { Kept: None, Set: None, Pushed: None, Sorted: None, Deep: None, Deleted: None })
  const initial: State = { n: 0, list: [2, 1], deep: { list: [] } }
  const act = decider(Act, {
    initial,
    evolve: {
      Kept: s => ({ ...s }),
      Set: s => Object.assign(s, { n: 1 }),
      Pushed: s => (s.list.push(1) ? s : s),
      Sorted: s => ({ ...s, list: s.list.sort() }),
      Deep: s => (s.deep.list.push(1) ? { ...s, n: 2 } : s),
      Deleted: s => (Reflect.deleteProperty(s, 'n') ? s : { ...s }),
    },
    commands: { do: z.object({ type: z.enum(['Kept', 'Set', 'Pushed', 'Sorted', 'Deep', 'Deleted']) }), write: None },
    decide: {
      do: (_, { type }) => [Act.Kept({}), Act[type]({})],
      write: s => (s.list.push(1) ? [] : []),
    },
  })[spec]
  const before = structuredClone(initial)

  test('a decider that writes to its state throws, whatever it does before, and changes neither the initial nor a later state', () => {
    const types = fc.constantFrom('Kept', 'Set', 'Pushed', 'Sorted', 'Deep', 'Deleted')
    fc.assert(
      fc.property(fc.array(types, { minLength: 1 }), list => {
        let folded: Folded = { state: act.initial, version: 0 }
        for (const type of list) {
          const state = structuredClone(folded.state)
          const said = { decider: 'act', command: 'do', id: 'a1', data: { type } }
          const decision = decide(act, folded.state, said, context)
          const run = () => evolve(act, folded, 'events' in decision ? decision.events : [])
          if (type === 'Kept' || type === 'Deleted') folded = run()
          else expect(run).toThrow(TypeError)
          expect(folded.state).toEqual(state)
          expect(act.initial).toEqual(before)
        }
      }),
    )
  })

  test('a decider that writes to its state throws in decide too', () => {
    expect(() => decide(act, act.initial, { decider: 'act', command: 'write', id: 'a1', data: {} }, context)).toThrow(TypeError)
    expect(act.initial).toEqual(before)
  })

  test('a decider that writes to its state throws also where only the surface of the initial state was frozen before', () => {
    const Note = events('note', { Taken: None })
    const note = decider(Note, {
      initial: z
        .object({ notes: z.array(z.string()) })
        .readonly()
        .parse({ notes: [] }),
      evolve: { Taken: s => (s.notes.push('x') ? s : s) },
      commands: { take: None },
      decide: { take: () => Note.Taken({}) },
    })[spec]
    expect(() => evolve(note, { state: note.initial, version: 0 }, [Note.Taken({})])).toThrow(TypeError)
    expect(note.initial).toEqual({ notes: [] })
  })
})

describe('at start a decider is refused', () => {
  const sound = {
    initial: { n: 0 },
    evolve: { Added: (s: { n: number }) => s, Reset: (s: { n: number }) => s },
    commands: { add: Added, reset: None },
    decide: { add: () => [], reset: () => [] },
  }
  // What types refuse is refused again, for those who write JavaScript.
  const make = (changed: object) => () => decider(Counter, { ...sound, ...changed } as never)

  const wrong: readonly [string, object, string][] = [
    ['without evolve', { evolve: undefined }, 'counter: evolve needs one function for each of Added, Reset; wrong: Added, Reset'],
    ['without one fold', { evolve: { Added: sound.evolve.Added } }, 'wrong: Reset'],
    ['with a misspelt fold', { evolve: { Added: sound.evolve.Added, Resett: sound.evolve.Reset } }, 'wrong: Reset, Resett'],
    ['with a fold too many', { evolve: { ...sound.evolve, Gone: sound.evolve.Reset } }, 'wrong: Gone'],
    ['with a fold that is no function', { evolve: { ...sound.evolve, Reset: 1 } }, 'wrong: Reset'],
    ['without decide', { decide: undefined }, 'counter: decide needs one function for each of add, reset; wrong: add, reset'],
    ['without one decision', { decide: { add: () => [] } }, 'wrong: reset'],
    ['with a decision too many', { decide: { ...sound.decide, remove: () => [] } }, 'wrong: remove'],
    [
      'with a command named wrongly',
      { commands: { Add: Added }, decide: { Add: () => [] } },
      'counter.Add: a command name begins with',
    ],
    ['with a snapshot every 0 events', { snapshot: { every: 0, version: 1 } }, 'found version 1, every 0'],
    ['with a snapshot every 1.5 events', { snapshot: { every: 1.5, version: 1 } }, 'found version 1, every 1.5'],
    ['with a snapshot of version NaN', { snapshot: { every: 1, version: Number.NaN } }, 'found version NaN'],
  ]
  test.each(wrong)('a decider is refused at start %s', (_, changed, message) => {
    expect(make(changed)).toThrow(TypeError)
    expect(make(changed)).toThrow(message)
  })

  test('a sound decider is accepted at start', () => {
    expect(make({})).not.toThrow()
    expect(make({ snapshot: { every: 1, version: 0 } })).not.toThrow()
  })
})

describe('an impure function', () => {
  const buildDecider = (options: { evolve?: object; decide?: object }): DeciderSpec =>
    decider(Counter, {
      initial: { n: 0 },
      evolve: { Added: (s: object) => s, Reset: (s: object) => s, ...options.evolve },
      commands: { add: Added },
      decide: { add: () => [], ...options.decide },
    } as never)[spec] as DeciderSpec
  const add = counter.add('c1', { by: 1 })

  const decisions: readonly [string, () => unknown, string][] = [
    ['decides nothing', () => undefined, 'counter: decide of add gave nothing; it returns a plain value'],
    ['decides later', async () => [], 'counter: decide of add gave a promise; it returns a plain value'],
    ['fails later', () => Promise.reject(new Error('unseen')), 'gave a promise'],
    ["decides another family's event", () => ({ category: 'order', type: 'Added', data: {} }), 'is no event of counter'],
    ['decides an event of no known type', () => [{ category: 'counter', type: 'Gone', data: {} }], 'is no event of counter'],
    ['decides null', () => null, 'counter.add decided null, which is no event of counter'],
    ['decides true', () => true, 'decided true'],
    ['decides an event or nothing', () => [Counter.Reset({}), undefined], 'decided undefined'],
    ['decides an event or false', () => [false, Counter.Reset({})], 'decided false'],
    ['rejects in a list', () => [reject('no')], 'is no event of counter'],
    ['decides lists of lists', () => [[Counter.Reset({})]], 'is no event of counter'],
    ['decides what cannot be printed as JSON', () => ({ n: 1n }), 'n: 1n'],
  ]
  test.each(decisions)('a decide function that %s throws, and the error says so', (_, run, message) => {
    const run_ = () => decide(buildDecider({ decide: { add: run } }), {}, add, context)
    expect(run_).toThrow(TypeError)
    expect(run_).toThrow(message)
  })

  const folds: readonly [string, () => unknown, string][] = [
    ['folds to nothing', () => undefined, 'counter: evolve of Added gave nothing; it returns a plain value'],
    ['folds later', async () => ({}), 'counter: evolve of Added gave a promise; it returns a plain value'],
  ]
  test.each(folds)('an evolve function that %s throws, wherever the fact is', (_, run, message) => {
    const sick = buildDecider({ evolve: { Added: run } })
    const added = { type: 'Added', schema: fingerprint(Added), data: { by: 1 } }
    const reset = { type: 'Reset', schema: fingerprint(None), data: {} }
    const from = { state: sick.initial, version: 0 }
    for (const facts of [[added], [added, reset], [reset, added, reset]])
      expect(() => fold(sick, 'counter-c1', from, facts)).toThrow(message)
    expect(() => evolve(sick, from, [Counter.Added({ by: 1 }), Counter.Reset({})])).toThrow(message)
  })

  test('an error that a decide function throws is passed on', () => {
    const oops = () => {
      throw new RangeError('oops')
    }
    expect(() => decide(buildDecider({ decide: { add: oops } }), {}, add, context)).toThrow(RangeError)
  })
})

describe('an event that no constructor made', () => {
  const Counter = events('counter', { Added: z.object({ by: z.int().positive() }) })
  const buildDecider = (data: unknown) =>
    decider(Counter, {
      initial: {},
      evolve: { Added: state => state },
      commands: { add: z.object({}) },
      decide: { add: () => ({ category: 'counter', type: 'Added', data }) as ReturnType<typeof Counter.Added> },
    })[spec]
  const context = { instance: 'c', now: new Date(0), actor: null, initiator: null }
  const add = { decider: 'counter', command: 'add', id: 'c', data: {} }

  test('an event that no constructor made is taken where its data fits', () => {
    expect(decide(buildDecider({ by: 1 }), {}, add, context)).toEqual({
      events: [{ category: 'counter', type: 'Added', data: { by: 1 } }],
    })
  })

  test('an event that no constructor made is refused where its data does not fit', () => {
    expect(() => decide(buildDecider({ by: -1 }), {}, add, context)).toThrow('counter.Added: by')
  })
})
