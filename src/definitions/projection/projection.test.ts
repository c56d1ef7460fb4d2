import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events, spec } from '../event/events.ts'
import { projection, tableOf } from './projection.ts'

const Order = events('order', { Placed: z.object({ n: z.int() }), Paid: z.object({}) }, { was: { Ordered: 'Placed' } })
const Payment = events('payment', { Paid: z.object({}) })
const row = z.object({ n: z.int(), text: z.string() })
const initial = { n: 0, text: '' }
const sound = { from: Order, row, initial, evolve: { Placed: (row: typeof initial) => row } } as const
// What these tests give is refused by the types as well, mostly.
const buildProjection = (options: object, name = 'sums') => projection(name, { ...sound, ...options } as never)

describe('a projection', () => {
  test('a projection knows its version, its table, and which events it reads', () => {
    const { version, filter, live, previous, indexes } = buildProjection({}, 'by-sku')[spec]
    expect([version, live, previous, indexes]).toEqual([1, false, null, []])
    expect([...filter]).toEqual([['order', ['Placed', 'Ordered']]])
    expect(tableOf(buildProjection({ version: 12 }, 'by-sku')[spec])).toBe('by_sku_v12')
  })

  test('a projection begins with a row that nobody can change', () => {
    const { initial } = buildProjection({ initial: { n: 0, text: '', list: [] }, row: row.extend({ list: z.array(z.int()) }) })[
      spec
    ]
    expect(() => (initial as { list: number[] }).list.push(1)).toThrow(TypeError)
  })

  test.each<[string, object, string]>([
    ['a version that is none', { version: 0 }, "projection('sums'): expected a version from 1 to 99999, found 0"],
    ['a version that is no whole number', { version: 1.5 }, 'found 1.5'],
    [
      'a row that JSON does not hold',
      { row: z.object({ at: z.date() }) },
      'rows are kept as JSON, but its schema at /at has date',
    ],
    ['a row that becomes something else', { row: z.object({ n: z.string().transform(Number) }) }, 'rows are kept as JSON'],
    [
      'a row with a field key',
      { row: row.extend({ key: z.string() }) },
      'its row has a field key, which is the name for the key of a row',
    ],
    ['a fold of no event', { evolve: { Placedd: () => initial } }, 'evolve.Placedd is no event of its families'],
    ['a fold that is none', { evolve: { Placed: 5 } }, 'evolve.Placed is no function'],
    ['a name of two families', { from: [Order, Payment], evolve: { Paid: () => initial } }, "say 'order.Paid' or 'payment.Paid'"],
    ['a key of no event', { key: { Placedd: () => 'a' } }, 'key.Placedd is no event of its families'],
    ['families of one category', { from: [Order, Order] }, 'two of its families have one category'],
    ['an index on nothing', { indexes: ['m'] }, 'the index m is neither text nor number nor boolean, but nothing'],
    [
      'a previous version that is not before it',
      { previous: buildProjection({ version: 2 }), version: 2 },
      'is not before version 2',
    ],
    ['a previous version of another name', { previous: buildProjection({}, 'other'), version: 2 }, 'previous is other version 1'],
    [
      'live with a key',
      { live: true, key: { Placed: () => 'a' } },
      'a live projection folds one instance’s stream'.replace('’', "'"),
    ],
    ['live with indexes', { live: true, indexes: ['n'] }, 'a live projection'],
    ['live of two families', { live: true, from: [Order, Payment] }, 'a live projection'],
  ])('a projection refuses %s', (_, options, message) => {
    expect(() => buildProjection(options)).toThrow(message)
  })
})

describe('an index', () => {
  const kindOf = (field: z.ZodType) => buildProjection({ row: z.object({ f: field }), indexes: ['f'] })[spec].indexes[0]!.kind

  test.each<[z.ZodType, 'text' | 'number']>([
    [z.string(), 'text'],
    [z.email(), 'text'],
    [z.string().nullable(), 'text'],
    [z.string().optional(), 'text'],
    [z.enum(['a', 'b']), 'text'],
    [z.literal(['a', null]), 'text'],
    [z.union([z.literal('a'), z.null()]), 'text'],
    [z.int(), 'number'],
    [z.number().nullish(), 'number'],
    [z.boolean(), 'number'],
    [z.literal([1, 2]), 'number'],
  ])('index %# is of one kind', (field, kind) => {
    expect(kindOf(field)).toBe(kind)
  })

  test.each<[z.ZodType]>([
    [z.union([z.string(), z.int()])],
    [z.array(z.string())],
    [z.object({})],
    [z.unknown()],
    [z.null()],
    [z.literal(['a', 1])],
  ])('index %# cannot be of two kinds, or none', field => {
    expect(() => kindOf(field)).toThrow('the index f is neither text nor number nor boolean')
  })

  test.each(['limit', 'cursor', 'sort', 'count', 'min-position', 'a b', '1a', '__proto__.x', ''])(
    'an index cannot be called %p',
    field => {
      expect(() => buildProjection({ row: z.object({ [field]: z.string() }), indexes: [field] })).toThrow(
        'cannot be the name of an index',
      )
    },
  )

  test('an index differs from others by more than capitals', () => {
    expect(() => buildProjection({ row: z.object({ a: z.string(), A: z.string() }), indexes: ['a', 'A'] })).toThrow(
      'two indexes differ only in capitals',
    )
  })
})
