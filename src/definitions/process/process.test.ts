// What one event does to one instance of a process.
import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { decider } from '../decider/decider.ts'
import { events, type Recorded, spec, split } from '../event/events.ts'
import { readRecorded } from '../event/recorded.ts'
import { order, Order, shelf, Shelf } from '../../test-support/fulfilment.ts'
import { advanceInstance, type ProcessInstance, instancesOf, outbox, splitOutbox, type AgendaChange } from './instance.ts'
import { processManager } from './process.ts'
import { every } from '../recurrence.ts'
import { after, at, cancel } from './timer.ts'

const AT = '2030-01-01T00:00:00.000Z'
type Fact = { readonly category: string; readonly type: string; readonly data: unknown }

function buildRecorded({ category, type, data }: Fact, position: number, instance = 'o1'): Recorded {
  const meta = { schema: '', correlation: 'c', causation: 'x', traceparent: 't' }
  const place = { id: `e${position}`, stream: `${category}-${instance}`, instance, version: 1, position, at: AT }
  return { category, type, data, ...place, meta } as Recorded
}

const watching = processManager('watching', {
  from: [Order, Shelf],
  to: [order, shelf],
  begins: 'Placed',
  key: { Taken: ({ order }) => order },
  initial: { seen: 0 },
  evolve: { Placed: ({ seen }) => ({ seen: seen + 1 }), Paid: () => null },
  react: {
    Placed: ({ seen }, _, { instance }) => [
      order.pay(instance, {}),
      after('1 hour', 'late', order.cancel(instance, { reason: `${seen}` })),
    ],
    Taken: () => cancel('late'),
    Sent: () => [after('2 hours', 'late'), at(new Date(7), 'once')],
  },
  on: {
    due: ({ seen }, { timer }, key) => order.cancel(key, { reason: `${timer} ${seen}` }),
    rejected: (_, { code }, key) => order.cancel(key, { reason: code }),
  },
})[spec]
const begun: ProcessInstance = { state: watching.initial, timers: {} }
const placed = Order.Placed({ skus: [], cents: 5 })
const advanceThrough = (from: ProcessInstance, ...facts: readonly Recorded[]): ProcessInstance =>
  facts.reduce((instance, fact) => advanceInstance(watching, instance, fact, 'o1'), from)
const changesOf = (instance: ProcessInstance): readonly AgendaChange[] => instance[outbox] ?? []
const own = (type: string, data: object) => ({ category: 'watching', type, data })
const due = (timer: string, set: number, position: number) => buildRecorded(own('Due', { timer, set }), position)

describe('an instance of a process', () => {
  test('an instance of a process folds history, sends nothing for it, and sets only timers that lie ahead', () => {
    const asHistory = (fact: Fact, position: number, occurredAt: string): Recorded => {
      const event = buildRecorded(fact, position)
      return { ...event, meta: { ...event.meta, occurredAt, history: true } }
    }
    // It came in at AT, a year's end: a timer of one hour is over, or has half an hour left.
    const over = advanceThrough(begun, asHistory(placed, 3, '2029-12-31T22:59:00Z'))
    expect([over.state, over.timers, changesOf(over)]).toEqual([{ seen: 1 }, {}, []])
    const ahead = advanceThrough(begun, asHistory(placed, 3, '2029-12-31T23:30:00Z'))
    expect(changesOf(ahead).map(change => ('timer' in change ? [change.timer, change.due] : change))).toEqual([
      ['late', Date.parse('2030-01-01T00:30:00Z')],
    ])
    // One that history sets anew, and that is over, is no longer set.
    const again = splitOutbox(advanceThrough(splitOutbox(ahead).instance!, asHistory(placed, 4, '2029-12-31T22:00:00Z')))
    expect(again).toMatchObject({ instance: { timers: {} }, changes: [{ isCancelled: true }] })
  })

  test('an instance of a process counts the delay of a timer from when an imported event happened', () => {
    const imported = buildRecorded(Order.Sent({}), 3)
    const meta = { ...imported.meta, occurredAt: '2001-01-01T00:00:00Z' }
    const { timers } = advanceThrough(begun, { ...imported, meta })
    expect(timers['late']!.due).toBe(Date.parse('2001-01-01T02:00:00Z'))
    expect(timers['once']!.due).toBe(7)
  })

  test('an instance of a process sets a timer of times that come again anew, until a step cancels it', () => {
    const daily = every('0 3 * * *', { zone: 'Europe/Berlin' })
    const reminding = processManager('reminding', {
      from: Order,
      to: order,
      begins: 'Placed',
      initial: { fired: 0 },
      evolve: {},
      react: { Placed: () => at(daily, 'remind', order.pay('o1', {})), Paid: () => cancel('remind') },
      on: { rejected: () => [] },
    })[spec]
    const fired = (set: number, position: number, time: string): Recorded => ({
      ...buildRecorded({ category: 'reminding', type: 'Due', data: { timer: 'remind', set } }, position),
      at: time,
    })
    const advance = (from: ProcessInstance, fact: Recorded) => advanceInstance(reminding, from, fact, 'o1')
    const dueOf = (instance: ProcessInstance) =>
      instance.timers['remind'] && new Date(instance.timers['remind'].due).toISOString()
    const first = advance({ state: reminding.initial, timers: {} }, { ...buildRecorded(placed, 3), at: '2030-03-30T12:00:00Z' })
    expect(dueOf(first)).toBe('2030-03-31T01:00:00.000Z')
    // It fell due late, and the times that passed meanwhile are one.
    const stored = JSON.parse(JSON.stringify(first)) as ProcessInstance
    const second = advance(stored, fired(3, 4, '2030-04-03T12:00:00Z'))
    expect(dueOf(second)).toBe('2030-04-04T01:00:00.000Z')
    expect(changesOf(second)).toMatchObject([{ command: order.pay('o1', {}) }, { timer: 'remind', set: 4 }])
    expect(dueOf(advance(second, fired(3, 5, '2030-04-04T12:00:00Z')))).toBe('2030-04-04T01:00:00.000Z')
    expect(dueOf(advance(second, buildRecorded(Order.Paid({}), 6)))).toBeUndefined()
  })

  test('an instance of a process reacts to the state after the fact, and names its commands and timers by their place in the log', () => {
    const after = advanceThrough(begun, buildRecorded(placed, 3))
    expect(after).toMatchObject({ state: { seen: 1 }, timers: { late: { set: 3, due: Date.parse(AT) + 3_600_000 } } })
    expect(changesOf(after)).toEqual([
      {
        ...{ id: 'watching:o1:3:0', key: 'o1', timer: null, command: order.pay('o1', {}), due: 0, set: 3 },
        meta: { correlation: 'c', causation: 'e3', traceparent: 't' },
      },
      {
        ...{ id: 'watching:o1@late', key: 'o1', timer: 'late', due: Date.parse(AT) + 3_600_000, set: 3 },
        command: order.cancel('o1', { reason: '1' }),
        meta: { correlation: 'c', causation: 'e3', traceparent: 't' },
      },
    ])
  })

  test('an instance of a process keeps its commands and timers until they are written, and JSON shows none of them', () => {
    const after = advanceThrough(begun, buildRecorded(placed, 3), buildRecorded(placed, 4))
    expect(changesOf(after).map(({ id }) => id)).toEqual([
      'watching:o1:3:0',
      'watching:o1@late',
      'watching:o1:4:0',
      'watching:o1@late',
    ])
    expect(JSON.parse(JSON.stringify(after))).toEqual({ state: { seen: 2 }, timers: { late: expect.anything() } })
    const { instance, changes } = splitOutbox(after)
    expect([changes.length, changesOf(instance!).length]).toEqual([4, 0])
  })

  test('an instance of a process sends the command of a timer that falls due, and is asked what else to send', () => {
    const set = splitOutbox(advanceThrough(begun, buildRecorded(placed, 3))).instance!
    const fell = advanceThrough(set, due('late', 3, 9))
    expect(fell.timers).toEqual({})
    expect(changesOf(fell).map(change => 'command' in change && change.command?.data)).toEqual([
      { reason: '1' },
      { reason: 'late 1' },
    ])
  })

  test('an instance of a process hears nothing of a timer that was set anew, cancelled, or has fallen due before', () => {
    const set = splitOutbox(advanceThrough(begun, buildRecorded(placed, 3), buildRecorded(placed, 5))).instance!
    expect(advanceThrough(set, due('late', 3, 9))).toBe(set)
    const cancelled = splitOutbox(advanceThrough(set, buildRecorded(Shelf.Taken({ order: 'o1' }), 6, 'a'))).instance!
    expect(cancelled.timers).toEqual({})
    expect(advanceThrough(cancelled, due('late', 5, 9))).toBe(cancelled)
    const fell = splitOutbox(advanceThrough(set, due('late', 5, 9))).instance!
    expect(advanceThrough(fell, due('late', 5, 10))).toBe(fell)
  })

  test('an instance of a process takes back a timer that it cancels, and nothing where none is set', () => {
    const taken = buildRecorded(Shelf.Taken({ order: 'o1' }), 6, 'a')
    const set = splitOutbox(advanceThrough(begun, buildRecorded(placed, 3))).instance!
    expect(changesOf(advanceThrough(set, taken))).toEqual([{ id: 'watching:o1@late', set: 6, isCancelled: true }])
    expect(changesOf(advanceThrough(begun, taken))).toEqual([])
  })

  test('an instance of a process sets timers without a command, and at a time of their own', () => {
    const { timers } = advanceThrough(begun, buildRecorded(Order.Sent({}), 8))
    expect(timers).toEqual({
      late: { set: 8, due: Date.parse(AT) + 7_200_000, command: null },
      once: { set: 8, due: 7, command: null },
    })
  })

  test('an instance of a process that ends takes its timers back, and begins anew with the next event', () => {
    const ended = advanceThrough(begun, buildRecorded(placed, 3), buildRecorded(Order.Paid({}), 4))
    expect(splitOutbox(ended).instance).toBeNull()
    expect(changesOf(ended).at(-1)).toEqual({ id: 'watching:o1@late', set: 4, isCancelled: true })
    expect(advanceThrough(ended, buildRecorded(placed, 5))).toMatchObject({ state: { seen: 1 } })
  })

  test('an instance of a process that has ended is not begun anew by what its own commands lead to', () => {
    const projection = instancesOf(watching)
    const late = [due('late', 3, 5), buildRecorded(own('Rejected', { by: '', command: order.pay('o1', {}), code: 'no' }), 5)]
    for (const fact of late) {
      const fold = projection.evolve.get('watching')!.get(fact.type)!
      // Its row is gone, or about to go with the page in which it ended.
      const rows = [projection.initial, advanceThrough(begun, buildRecorded(placed, 3), buildRecorded(Order.Paid({}), 4))]
      for (const row of rows) {
        const { instance, changes } = splitOutbox(fold(row, fact.data, fact, 'o1') as ProcessInstance)
        expect([instance, changes.filter(({ set }) => set === 5)]).toEqual([null, []])
      }
    }
  })

  test('an instance of a process hears of a refusal by its own stream', () => {
    const refused = own('Rejected', { by: 'x', command: order.pay('o1', {}), code: 'not-placed' })
    expect(changesOf(advanceThrough(begun, buildRecorded(refused, 4)))).toMatchObject([
      { command: order.cancel('o1', { reason: 'not-placed' }) },
    ])
  })

  test('an instance of a process gives different names to what events ask for that were one event before', () => {
    const Both = events(
      'both',
      { One: z.object({}), Two: z.object({}) },
      { was: { Three: split(z.object({}), (_, both) => [both.One({}), both.Two({})]) } },
    )
    const pays = processManager('pays', {
      from: Both,
      to: order,
      begins: 'One',
      initial: {},
      evolve: {},
      react: { One: (_, __, { instance }) => order.pay(instance, {}), Two: (_, __, { instance }) => order.send(instance, {}) },
      on: { rejected: () => [] },
    })[spec]
    const stored = {
      id: 'e1',
      stream: 'both-o1',
      version: 1,
      position: 1,
      at: AT,
      type: 'Three',
      schema: 'old',
      data: '{}',
      meta: '{}',
    }
    const facts = readRecorded(Both[spec], stored)
    const instance = facts.reduce((from, fact) => advanceInstance(pays, from, fact, 'o1'), {
      state: {},
      timers: {},
    } as ProcessInstance)
    expect(changesOf(instance).map(({ id }) => id)).toEqual(['pays:o1:1:0', 'pays:o1:1:1'])
  })

  test('an instance of a process reads the facts it names and its own, and no others', () => {
    const { filter, families } = instancesOf(watching)
    expect(new Map([...filter].map(([category, types]) => [category, types?.toSorted()]))).toEqual(
      new Map([
        ['order', ['Paid', 'Placed', 'Sent']],
        ['shelf', ['Taken']],
        ['watching', ['Accepted', 'Closed', 'Due', 'Failed', 'Rejected', 'Resumed', 'Skipped']],
      ]),
    )
    expect([...families.keys()]).toEqual(['order', 'shelf', 'watching'])
  })
})

describe('definitions that cannot be a process', () => {
  const Own = events('own', { Done: z.object({}) })
  const stranger = decider(Own, {
    initial: {},
    evolve: { Done: s => s },
    commands: { act: z.object({}) },
    decide: { act: () => [] },
  })
  const process = (name: string, options: object = {}) =>
    processManager(name, {
      ...{ from: Order, to: order, begins: 'Placed', initial: {}, evolve: {}, react: {}, on: { rejected: () => [] } },
      ...options,
    } as never)

  test.each([
    ['Fulfilment', {}, 'a name is small letters'],
    ['a-b', {}, 'a name is small letters'],
    ['order', {}, 'order is the category of its own events'],
    ['p', { initial: null }, 'a state of null'],
    ['p', { version: 0 }, 'expected a version from 1 to 99999, found 0'],
    ['p', { evolve: { Nope: () => {} } }, 'Nope is no event of its families'],
    ['p', { react: { Nope: () => {} } }, 'Nope is no event of its families'],
    ['p', { begins: 'Nope' }, 'Nope is no event of its families'],
    ['p', { begins: [] }, 'begins has to name the facts that begin an instance'],
    ['p', { on: {} }, 'on.rejected has to say what becomes of a command that is refused'],
    ['p', { start: 'end' }, /: start is 'beginning', 'now', a position or { at: time }: .*; found "end"$/],
    ['p', { start: { at: 'soon' } }, '{ at: time }: expected a time with its zone'],
    ['p', { start: { at: '2030-03-31T02:30:00' } }, '{ at: time }: expected a time with its zone'],
    ['p', { start: -1 }, 'start is'],
  ] as const)('a process is refused that is named and defined as %s %j', (name, options, message) => {
    expect(() => process(name, options)).toThrow(message)
  })

  test('a process is refused a command to a decider that it does not name, or to no id', () => {
    const wild = (command: unknown) =>
      process('p', { react: { Placed: () => command } }) as unknown as { [spec]: typeof watching }
    for (const [command, message] of [
      [stranger.act('x', {}), 'p sends to order, not to own'],
      [order.pay('', {}), 'p: order.pay: an id is a text of 1 to 400 characters'],
    ] as const)
      expect(() => advanceInstance(wild(command)[spec], begun, buildRecorded(placed, 1), 'o1')).toThrow(message)
  })

  test.each([
    [() => after('5 fortnights' as never, 'x'), 'is no duration'],
    [() => at('tomorrow' as string, 'x'), 'expected a time with its zone'],
    [() => at('2030-03-31T02:30:00' as string, 'x'), 'expected a time with its zone, such as 2030-01-31T12:00:00Z'],
    [() => cancel('a b'), 'the name of a timer is letters'],
    [() => cancel('a'.repeat(401)), 'the name of a timer has at most 400 characters'],
  ])('a timer of a process is refused: %p', (make, message) => {
    expect(make).toThrow(message)
  })
})
