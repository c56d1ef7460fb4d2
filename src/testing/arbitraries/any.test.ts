import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { z } from 'zod'
import { any } from './any.ts'
import { KINDS } from './kinds.cases.ts'

const SAMPLE = { numRuns: 200, seed: 1 }

/** The shrunk value for which the predicate fails. */
function shrinkTo<T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => boolean): T {
  const { counterexample } = fc.check(fc.property(arbitrary, holds), { numRuns: 1_000, seed: 3 })
  return counterexample![0]
}

describe('any', () => {
  test('the table has a schema of 99 kinds', () => {
    expect(KINDS.length).toBe(99)
  })

  test.each(KINDS)('a schema of the kind %s takes each value that is generated for it', (_, schema) => {
    const values = fc.sample(any(schema), SAMPLE)
    expect(values.filter(value => !schema.safeParse(value).success)).toEqual([])
    expect(values).toHaveLength(SAMPLE.numRuns)
  })

  test.each([
    ['custom', z.custom<string>(value => typeof value === 'string')],
    ['instanceof', z.instanceof(URL)],
  ])('a schema of the kind %s, which does not say what it takes, is named by its path', (_, schema) => {
    expect(() => any(z.object({ list: z.array(schema) }))).toThrow(
      '/list/*: nothing says what a schema of kind custom takes: give an arbitrary for it with own',
    )
  })

  test('a part whose arbitrary is given has the values of that arbitrary', () => {
    const schema = z.object({ at: z.instanceof(URL), name: z.string() })
    const home = new URL('http://localhost/')
    const given = any(schema, (_, path) => (path === '/at' ? fc.constant(home) : undefined))
    expect(fc.sample(given, SAMPLE).every(({ at }) => at === home)).toBe(true)
  })

  test('a check that hardly any value fits ends the search with the path', () => {
    const schema = z.object({ code: z.string().refine(text => text === 'the one') })
    expect(() => fc.sample(any(schema), SAMPLE)).toThrow(
      '/code: 2000 values in a row did not fit the schema: give an arbitrary for it with own',
    )
  })

  test('numbers, texts and lists at each of their bounds come up within 200 values', () => {
    const schema = z.object({
      count: z.int().min(1).max(1_000_000_000),
      share: z.number().min(0).max(1),
      name: z.string().min(2).max(60),
      items: z.array(z.boolean()).min(1).max(100),
    })
    const values = fc.sample(any(schema), SAMPLE)
    const counts = {
      count: values.filter(({ count }) => count === 1_000_000_000).length,
      share: values.filter(({ share }) => share === 1).length,
      name: values.filter(({ name }) => name.length === 60).length,
      items: values.filter(({ items }) => items.length === 100).length,
    }
    expect(Object.values(counts).every(count => count >= 4)).toBe(true)
    expect(values.some(({ count }) => count === 1)).toBe(true)
    expect(values.some(({ name }) => name.length === 2)).toBe(true)
    expect(values.some(({ items }) => items.length === 1)).toBe(true)
  })

  test('whole numbers are small mostly, so that they meet each other', () => {
    const values = fc.sample(any(z.int().min(0)), SAMPLE)
    expect(values.filter(value => value <= 30).length).toBeGreaterThan(SAMPLE.numRuns / 2)
    expect(values.some(value => value > 2 ** 31)).toBe(true)
  })

  test('a schema that holds itself gives values that end, of at most 1 000 nodes here', () => {
    const Tree: z.ZodType<{ kids: unknown[] }> = z.object({
      get kids() {
        return z.array(Tree).max(2)
      },
    })
    const countNodes = ({ kids }: { kids: unknown[] }): number =>
      1 + (kids as { kids: unknown[] }[]).reduce((sum, kid) => sum + countNodes(kid), 0)
    const counts = fc.sample(any(Tree), SAMPLE).map(tree => countNodes(tree as { kids: unknown[] }))
    expect(Math.max(...counts)).toBeLessThan(1_000)
    expect(Math.max(...counts)).toBeGreaterThan(3)
  })

  test('values of JSON survive JSON, and none holds -0', () => {
    const schema = z.object({ number: z.number(), json: z.json(), some: z.any(), even: z.number().multipleOf(2) })
    for (const value of fc.sample(any(schema), SAMPLE)) expect(JSON.parse(JSON.stringify(value))).toEqual(value)
  })

  test('a failing list shrinks to the fewest and smallest items, from its upper bound too', () => {
    const schema = z.array(z.object({ qty: z.int().min(0).max(1_000) })).max(100)
    expect(shrinkTo(any(schema), items => items.length < 3)).toEqual([{ qty: 0 }, { qty: 0 }, { qty: 0 }])
  })

  test('a failing number shrinks to the least that fails', () => {
    expect(shrinkTo(any(z.int().min(0)), value => value < 1_000)).toBe(1_000)
    expect(shrinkTo(any(z.int().min(0).max(50)), value => value < 7)).toBe(7)
  })

  test('a failing text shrinks to the shortest that fails', () => {
    expect(shrinkTo(any(z.string().max(60)), text => text.length < 4)).toHaveLength(4)
  })

  test('an optional field shrinks away', () => {
    const schema = z.object({ id: z.int().min(0), note: z.string().optional() })
    expect(shrinkTo(any(schema), ({ id }) => id < 5)).toEqual({ id: 5 })
  })
})
