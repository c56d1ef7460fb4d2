import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { categoriesOf, type EventFilter, filterKey, filterTest, storeFilter } from './event-filter.ts'

const filter = (given: Partial<EventFilter>): EventFilter => ({
  categories: [],
  types: [],
  streams: [],
  correlations: [],
  ...given,
})
const placed = { category: 'order', type: 'Placed', stream: 'order-o1', meta: '{"correlation":"c1","causation":"c2"}' }

describe('a filter', () => {
  test('an empty filter lets every event pass', () => {
    expect(filterTest(filter({}))(placed)).toBe(true)
    expect([categoriesOf(filter({})), storeFilter(filter({}))]).toEqual([null, undefined])
  })

  test.each([
    [{ categories: ['order'] }, true],
    [{ categories: ['cart', 'order'] }, true],
    [{ categories: ['cart'] }, false],
    [{ types: ['Placed'] }, true],
    [{ types: ['order.Placed'] }, true],
    [{ types: ['cart.Placed'] }, false],
    [{ types: ['Shipped', 'order.Placed'] }, true],
    [{ streams: ['order-o1'] }, true],
    [{ streams: ['order-o2'] }, false],
    [{ correlations: ['c1'] }, true],
    [{ correlations: ['c'] }, false],
    [{ correlations: ['c2'] }, false],
    [{ correlations: ['c2', 'c1'] }, true],
    [{ correlations: ['c1'], types: ['Shipped'] }, false],
    [{ categories: ['order'], types: ['Shipped'] }, false],
    [{ categories: ['order'], types: ['Placed'], streams: ['order-o1'] }, true],
    [{ categories: ['cart'], types: ['Placed'], streams: ['order-o1'] }, false],
  ])('whether the filter %j lets order.Placed pass: %p', (given, expected) => {
    expect(filterTest(filter(given))(placed)).toBe(expected)
  })

  test('a filter by correlation finds it however its JSON is written, and not in a member of another', () => {
    const isOf = (correlation: string, meta: string) => filterTest(filter({ correlations: [correlation] }))({ ...placed, meta })
    expect(isOf('abc', '{ "causation" : "x", "correlation" : "\\u0061bc" }')).toBe(true)
    expect(isOf('abc', '{"correlation":"x","custom":{"correlation":"abc"}}')).toBe(false)
    expect(isOf('abc', '{}')).toBe(false)
    const texts = fc.string({ unit: fc.constantFrom('a', '"', '\\', '\n', 'é', ',', '\ud83d'), maxLength: 4 })
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(isOf(one, JSON.stringify({ correlation: other, causation: one }))).toBe(one === other)
      }),
    )
  })

  const names = fc.constantFrom('a', 'b', 'c')
  const types = fc.oneof(
    fc.constantFrom('X', 'Y'),
    fc.tuple(names, fc.constantFrom('X', 'Y')).map(parts => parts.join('.')),
  )
  const filters = fc.record({
    categories: fc.array(names, { maxLength: 3 }),
    types: fc.array(types, { maxLength: 3 }),
    streams: fc.array(
      names.map(name => `${name}-1`),
      { maxLength: 3 },
    ),
    correlations: fc.array(fc.constantFrom('c1', 'c2'), { maxLength: 2 }),
  })
  const events = fc
    .tuple(names, fc.constantFrom('X', 'Y', 'Z'), fc.constantFrom('1', '2'))
    .map(([category, type, id]) => ({ category, type, stream: `${category}-${id}`, meta: '{"correlation":"c1"}' }))

  test('what a filter lets pass is in its categories, and in what the store reads for it', () => {
    fc.assert(
      fc.property(filters, events, (filter, event) => {
        if (!filterTest(filter)(event)) return
        expect(categoriesOf(filter) ?? [event.category]).toContain(event.category)
        const kept = storeFilter(filter)
        if (kept) expect(kept.get(event.category) ?? [event.type]).toContain(event.type)
        if (kept) expect([...kept.keys()]).toContain(event.category)
      }),
    )
  })

  test('equal filters have one key, whatever the order and the repeats of their values', () => {
    fc.assert(
      fc.property(filters, filter => {
        const turned = {
          categories: filter.categories.toReversed(),
          types: [...filter.types, ...filter.types],
          streams: filter.streams,
          correlations: filter.correlations.toReversed(),
        }
        expect(filterKey(turned)).toBe(filterKey(filter))
      }),
    )
    expect(filterKey(filter({ types: ['a', 'b'] }))).not.toBe(filterKey(filter({ types: ['a,b'] })))
    expect(filterKey(filter({ categories: ['a'] }))).not.toBe(filterKey(filter({ types: ['a'] })))
  })
})
