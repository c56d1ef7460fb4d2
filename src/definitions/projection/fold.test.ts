import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { events, spec, split } from '../event/events.ts'
import type { StoredText } from '../event/recorded.ts'
import { fingerprint } from '../event/schema.ts'
import { NAME_LENGTH_MAX } from '../event/names.ts'
import { foldEvent, encodeRow, rowEvents } from './fold.ts'
import { type AnyProjection, projection } from './projection.ts'

const Added = z.object({ to: z.array(z.string()), n: z.int() })
const Tally = events(
  'tally',
  { Added, Emptied: z.object({}), Unseen: z.object({}) },
  { was: { Doubled: split(Added, (old, tally) => [tally.Added(old), tally.Added(old)]) } },
)
const row = z.object({ sum: z.int(), seen: z.array(z.int()) })
const initial = { sum: 0, seen: [] }
type Row = z.infer<typeof row>
const add = (row: Row, { n }: z.infer<typeof Added>, { position }: { readonly position: number }) => ({
  sum: row.sum + n,
  seen: [...row.seen, position],
})
const sums = projection('sums', {
  from: Tally,
  key: { Added: ({ to }) => to },
  row,
  initial,
  indexes: ['sum'],
  evolve: { Added: add, Emptied: () => null },
})
const plain = projection('plain', { from: Tally, row, initial, evolve: { Added: add } })

const buildStored = (type: string, data: object, position: number, stream = 'tally-a'): StoredText => ({
  id: `e${position}`,
  stream,
  version: position,
  position,
  at: '2026-01-01T00:00:00.000Z',
  type,
  schema: fingerprint(type === 'Added' || type === 'Doubled' ? Added : z.object({})),
  data: JSON.stringify(data),
  meta: '{}',
})

type Rows = Readonly<Record<string, object | null>>
function foldLog(of: AnyProjection, rows: Rows, log: readonly StoredText[]): Rows {
  const found = { ...rows }
  for (const event of log)
    for (const rowEvent of rowEvents(of[spec], event))
      found[rowEvent.key] = foldEvent(of[spec], found[rowEvent.key] ?? null, rowEvent)
  return found
}

const said = fc.oneof(
  fc.record({
    type: fc.constantFrom('Added', 'Doubled'),
    data: fc.record({ to: fc.array(fc.constantFrom('a', 'b', 'c')), n: fc.integer({ min: -9, max: 9 }) }),
  }),
  fc.record({ type: fc.constantFrom('Emptied', 'Unseen'), data: fc.constant({}) }),
)
const log = fc.array(said, { maxLength: 20 }).map(all => all.map(({ type, data }, i) => buildStored(type, data, i + 1)))

describe('a fold of the log', () => {
  test('a fold of the log is the same in parts as in whole', () => {
    fc.assert(
      fc.property(log, fc.nat(20), (events, at) => {
        const parts = foldLog(sums, foldLog(sums, {}, events.slice(0, at)), events.slice(at))
        expect(parts).toEqual(foldLog(sums, {}, events))
      }),
    )
  })

  test('a fold of the log is the same by key as of all keys together', () => {
    fc.assert(
      fc.property(log, fc.constantFrom('a', 'b', 'c'), (events, key) => {
        const alone = events.flatMap(event => rowEvents(sums[spec], event).filter(rowEvent => rowEvent.key === key))
        const one = alone.reduce<object | null>((row, rowEvent) => foldEvent(sums[spec], row, rowEvent), null)
        expect(one).toEqual(foldLog(sums, {}, events)[key] ?? null)
      }),
    )
  })

  test('a fold of the log goes on from stored rows', () => {
    fc.assert(
      fc.property(log, fc.nat(20), (events, at) => {
        const before = foldLog(sums, {}, events.slice(0, at))
        const read = Object.fromEntries(
          Object.entries(before).map(([key, row]) => [key, row && (JSON.parse(encodeRow(sums[spec], row).data) as object)]),
        )
        expect(foldLog(sums, read, events.slice(at))).toEqual(foldLog(sums, {}, events))
      }),
    )
  })
})

describe('the rows that an event touches', () => {
  const keys = (of: AnyProjection, event: StoredText) => rowEvents(of[spec], event).map(({ key }) => key)

  test('the rows that an event touches are those of its keys, each once, or that of its instance', () => {
    expect(keys(sums, buildStored('Added', { to: ['b', 'a', 'b'], n: 1 }, 1))).toEqual(['b', 'a'])
    expect(keys(sums, buildStored('Added', { to: [], n: 1 }, 1))).toEqual([])
    expect(keys(sums, buildStored('Emptied', {}, 1))).toEqual(['a'])
    expect(keys(plain, buildStored('Added', { to: ['b'], n: 1 }, 1))).toEqual(['a'])
    expect(keys(plain, buildStored('Added', { to: ['b'], n: 1 }, 1, 'tally-x-y'))).toEqual(['x-y'])
  })

  test('the rows that an old event touches are touched once for each event that it is read as', () => {
    expect(keys(plain, buildStored('Doubled', { to: ['b'], n: 1 }, 1))).toEqual(['a', 'a'])
    expect(keys(sums, buildStored('Doubled', { to: ['b', 'c'], n: 1 }, 1))).toEqual(['b', 'c', 'b', 'c'])
  })

  test('an event that is not folded touches no rows', () => {
    expect(keys(plain, buildStored('Emptied', {}, 1))).toEqual([])
    expect(keys(sums, buildStored('Unseen', {}, 1))).toEqual([])
    expect(keys(sums, buildStored('Added', { to: ['a'], n: 1 }, 1, 'other-a'))).toEqual([])
  })

  test.each<[unknown]>([
    [''],
    ['a\0'],
    ['\ud800'],
    ['x'.repeat(NAME_LENGTH_MAX + 1)],
    ['..'],
    [5],
    [null],
    [undefined],
    [['a', '']],
    [[undefined]],
  ])('an event cannot touch a row with the key %p', key => {
    const odd = projection('odd', {
      from: Tally,
      row,
      initial,
      key: { Added: () => key as string },
      evolve: { Added: row => row },
    })
    expect(() => rowEvents(odd[spec], buildStored('Added', { to: [], n: 1 }, 1))).toThrow('odd: the key of tally.Added gave')
  })

  test('an unreadable event touches the row of its instance, which fails to be folded', () => {
    const unread = { ...buildStored('Added', { n: 'x' }, 1), schema: 'newer' }
    const [rowEvent] = rowEvents(plain[spec], unread)
    expect(rowEvent).toMatchObject({ key: 'a' })
    expect(() => foldEvent(plain[spec], null, rowEvent!)).toThrow('tally-a')
    // Whose row it would be is not known without reading it.
    expect(() => rowEvents(sums[spec], unread)).toThrow('tally-a')
  })
})

describe('a row', () => {
  const gives = (value: unknown) => {
    const of = projection('odd', { from: Tally, row, initial, evolve: { Emptied: () => value as never } })
    const [rowEvent] = rowEvents(of[spec], buildStored('Emptied', {}, 1))
    return foldEvent(of[spec], null, rowEvent!)
  }

  test('a row is what its fold gives, or none, and cannot be changed', () => {
    expect(gives(null)).toBeNull()
    const given = gives({ sum: 1, seen: [] }) as { seen: number[] }
    expect(() => given.seen.push(1)).toThrow(TypeError)
  })

  test.each<[string, () => unknown]>([
    ['undefined', () => undefined],
    ['5', () => 5],
    ['an array', () => []],
    ['a promise', async () => initial],
    ['a promise', () => Promise.reject(new Error('nobody hears it'))],
  ])('a row is not %s', (what, make) => {
    expect(() => gives(make())).toThrow(`odd: evolve of tally.Emptied gave ${what}; it returns a row, or null to delete it`)
  })

  test('a row is stored as its schema gives it, with the values of its indexes', () => {
    const of = projection('all', {
      from: Tally,
      row: z.object({ a: z.string().nullable(), b: z.boolean(), c: z.number().optional(), d: z.string() }),
      initial: { a: null, b: false, d: '' },
      indexes: ['d', 'a', 'b', 'c'],
      evolve: {},
    })[spec]
    expect(encodeRow(of, { a: null, b: true, d: 'x', more: 1 })).toEqual({
      data: '{"a":null,"b":true,"d":"x"}',
      fields: ['x', null, 1, null],
    })
    expect(() => encodeRow(of, { a: 1, b: true, d: 'x' })).toThrow('all: the row does not fit its schema: a: ')
    expect(() => encodeRow(of, { a: null, b: true, d: 'x\0' })).toThrow('all: d is indexed, and no index holds U+0000')
    expect(() => encodeRow(of, { a: null, b: true, d: '\ud800' })).toThrow('lone surrogate')
  })

  test('a row whose names are only known when it is folded has none that hides its key', () => {
    const counts = projection('counts', { from: Tally, row: z.record(z.string(), z.int()), initial: {}, evolve: {} })[spec]
    expect(encodeRow(counts, { a: 1 }).data).toBe('{"a":1}')
    expect(() => encodeRow(counts, { key: 1 })).toThrow('counts: the row has a field key')
  })
})
