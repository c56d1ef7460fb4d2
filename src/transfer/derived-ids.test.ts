import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isUuid } from '../definitions/event/uuid.ts'
import { DerivedIds } from './derived-ids.ts'

const idsOf = (facts: readonly (readonly (string | undefined)[])[]): readonly string[] => {
  const ids = new DerivedIds()
  return facts.map(fact => ids.take(fact))
}

describe('derived ids', () => {
  test('derived ids are UUIDs that tell facts apart, the same in each run', () => {
    const facts = [
      ['order-1', 'Placed', '{}', undefined],
      ['order-1', 'Placed', '{}', '2001-01-01T00:00:00Z'],
      ['order-1', 'Placed', '{"a":1}'],
    ]
    expect(idsOf(facts)).toEqual(idsOf(facts))
    expect(new Set(idsOf(facts)).size).toBe(3)
    expect(idsOf(facts).every(isUuid)).toBe(true)
    expect(idsOf(facts)[0]).toBe('4474e88b-0fec-8465-8708-ac61e0361bc8')
  })

  test('derived ids number equal facts, and stay the same where other facts come between, before or behind', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 20 }), fc.array(fc.nat(20)), (names, places) => {
        const others = places.reduce<readonly string[]>((all, place) => all.toSpliced(place, 0, 'other'), names)
        const ids = idsOf(names.map(name => [name]))
        expect(new Set(ids).size).toBe(ids.length)
        const found = idsOf(others.map(name => [name])).filter((_, i) => others[i] !== 'other')
        expect(found).toEqual([...ids])
      }),
    ))

  test('derived ids of more facts than their first table holds are all different', () => {
    const facts = Array.from({ length: 50_000 }, (_, i) => [String(i % 45_000)])
    expect(new Set(idsOf(facts)).size).toBe(50_000)
  })
})
