// A history makes of a process the same instances and the same commands, to the last byte, however it is cut into pages and whatever
// happens to other instances in between.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { type Recorded, spec } from '../event/events.ts'
import { fulfilment, Order, Purse, Shelf } from '../../test-support/fulfilment.ts'
import { advanceInstance, type ProcessInstance, splitOutbox, type AgendaChange } from './instance.ts'
import type { ProcessSpec } from './process.ts'

const process = fulfilment[spec]
const RUNS = 300
const KEYS = ['o1', 'o2', 'o3', '__proto__', 'ü']
const SKUS = ['a', 'b']

type Fact = { readonly category: string; readonly type: string; readonly data: unknown }
type HappenedEvent = { readonly key: string; readonly event: Recorded }
type ReplayOptions = { readonly by?: ProcessSpec; readonly cuts?: ReadonlySet<number> }
type ReplayedHistory = { readonly rows: ReadonlyMap<string, string>; readonly changes: ReadonlyMap<string, readonly string[]> }

const key = fc.constantFrom(...KEYS)
const sku = fc.constantFrom(...SKUS)
/** An event, the instance of its stream, and the one of the process that is told. */
const happening: fc.Arbitrary<{ readonly of: string; readonly key: string; readonly fact: Fact }> = fc.oneof(
  fc
    .tuple(key, fc.array(sku, { maxLength: 3 }), fc.nat(200))
    .map(([key, skus, cents]) => ({ of: key, key, fact: Order.Placed({ skus, cents }) })),
  key.map(key => ({ of: key, key, fact: Order.Paid({}) })),
  key.map(key => ({ of: key, key, fact: Order.Cancelled({ reason: key }) })),
  key.map(key => ({ of: key, key, fact: Purse.Charged({ cents: 1 }) })),
  fc.tuple(key, sku).map(([key, sku]) => ({ of: sku, key, fact: Shelf.Taken({ order: key }) })),
  fc.tuple(key, fc.nat(40)).map(([key, set]) => ({
    of: key,
    key,
    fact: { category: 'fulfilment', type: 'Due', data: { timer: 'unpaid', set } },
  })),
  fc.tuple(key, fc.constantFrom('take', 'charge', 'pay')).map(([key, command]) => ({
    of: key,
    key,
    fact: { category: 'fulfilment', type: 'Rejected', data: { by: 'x', command: { command, id: 'a', data: {} }, code: 'empty' } },
  })),
)
const history: fc.Arbitrary<readonly HappenedEvent[]> = fc
  .array(happening, { maxLength: 40, size: 'max' })
  .map(all => all.map(({ of, key, fact }, i) => ({ key, event: recordedAt(of, fact, i + 1) })))

function recordedAt(instance: string, { category, type, data }: Fact, position: number): Recorded {
  const at = new Date(1_900_000_000_000 + position * 1_234).toISOString()
  const meta = { schema: '', correlation: `c${position}`, causation: 'x' }
  const place = { id: `e${position}`, stream: `${category}-${instance}`, instance, version: position, position, at }
  // Its data is that of one of the families above.
  return { category, type, data, ...place, meta } as unknown as Recorded
}

/** What is kept and what is wanted after a history, kept as text at the end of each page: before the positions in `cuts`. */
function replayHistory(
  all: readonly HappenedEvent[],
  { by = process, cuts = new Set<number>() }: ReplayOptions = {},
): ReplayedHistory {
  const rows = new Map<string, string>()
  const changes = new Map<string, string[]>()
  const open = new Map<string, ProcessInstance>()
  const keep = (): void => {
    for (const [key, instance] of open) {
      const { instance: left, changes: wanted } = splitOutbox(instance)
      if (left) rows.set(key, JSON.stringify(left))
      else rows.delete(key)
      changes.set(key, [...(changes.get(key) ?? []), ...wanted.map((change: AgendaChange) => JSON.stringify(change))])
    }
    open.clear()
  }
  for (const { key, event } of all) {
    if (cuts.has(event.position)) keep()
    const row = rows.get(key)
    const before = open.get(key) ?? (row === undefined ? { state: by.initial, timers: {} } : (JSON.parse(row) as ProcessInstance))
    open.set(key, advanceInstance(by, before, event, key))
  }
  keep()
  return { rows, changes }
}

/** By key, so that the order in which instances come does not show. */
function sortReplayed({ rows, changes }: ReplayedHistory): readonly unknown[] {
  return [[...rows].sort(), [...changes].sort()]
}

type Law = (by: ProcessSpec, all: readonly HappenedEvent[], cuts: readonly number[]) => void
/** What holds of a process whose functions are pure, whatever its history, cut into pages wherever. */
const laws: Readonly<Record<string, Law>> = {
  'each time it is run': (by, all) =>
    expect(sortReplayed(replayHistory(structuredClone(all), { by }))).toEqual(sortReplayed(replayHistory(all, { by }))),
  'however it is cut into pages': (by, all, cuts) =>
    expect(sortReplayed(replayHistory(all, { by, cuts: new Set(cuts) }))).toEqual(sortReplayed(replayHistory(all, { by }))),
  'whatever others do in between': (by, all) => {
    const apart = [...Map.groupBy(all, ({ key }) => key).values()].flat()
    expect(sortReplayed(replayHistory(apart, { by }))).toEqual(sortReplayed(replayHistory(all, { by })))
  },
}

function lawHolds(law: Law, by: ProcessSpec) {
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 40 }))
  return fc.property(history, cuts, (all, cuts) => law(by, all, cuts))
}

/** The process of these histories, with something that is not its own in each state. */
function impure(more: () => unknown): ProcessSpec {
  const handleInput: ProcessSpec['handleInput'] = (...given) => {
    const { state, steps } = process.handleInput(...given)
    return { state: state && { ...state, more: more() }, steps }
  }
  return { ...process, handleInput }
}

describe('a recorded history', () => {
  for (const [when, law] of Object.entries(laws))
    test(`a recorded history makes the same instances and commands ${when}`, () =>
      fc.assert(lawHolds(law, process), { numRuns: RUNS }))

  test('a recorded history makes commands that are each named once', () => {
    fc.assert(
      fc.property(history, all => {
        const wanted = [...replayHistory(all).changes.values()].flat().map(text => JSON.parse(text) as AgendaChange)
        const names = wanted.flatMap(change => ('timer' in change && change.timer === null ? [change.id] : []))
        expect(new Set(names).size).toBe(names.length)
      }),
      { numRuns: RUNS },
    )
  })
})

describe('an impure process', () => {
  for (const [when, law] of Object.entries(laws)) {
    test(`a process that asks what differs each time is seen ${when}`, () => {
      let asked = 0
      const asking = impure(() => asked++)
      expect(fc.check(lawHolds(law, asking), { numRuns: RUNS }).failed).toBeTrue()
    })
  }
})
