import { expect, test } from 'bun:test'
import { z } from 'zod'
import { hashText, PATHS_MAX, pathsOf, seeField } from './shape-paths.ts'

const namesOf = (schema: z.ZodType) => pathsOf(schema).paths.map(({ name }) => name)

test('the fields of a schema are its leaves, by name, through lists, objects, unions and null', () => {
  const schema = z.object({
    id: z.string(),
    items: z.array(z.object({ sku: z.string(), price: z.int() })),
    to: z.union([z.object({ city: z.string().nullable() }), z.object({ box: z.int(), city: z.string() })]).optional(),
    tags: z.record(z.string(), z.int()),
  })
  expect(namesOf(schema)).toEqual(['id', 'items[].sku', 'items[].price', 'to.city', 'to.box', 'tags'])
})

test('a field that is marked secret is not watched, nor what it holds, nor where only one branch of a union marks it', () => {
  const secret = { secret: true }
  const schema = z.object({
    open: z.string(),
    pin: z.string().meta(secret),
    card: z.object({ number: z.string() }).meta(secret).optional(),
    by: z.union([z.object({ key: z.string().meta(secret) }), z.object({ key: z.string(), name: z.string() })]),
  })
  expect(namesOf(schema)).toEqual(['open', 'by.name'])
})

test('a type with more fields than are watched says how many are not', () => {
  const wide = z.object(Object.fromEntries(Array.from({ length: PATHS_MAX + 3 }, (_, i) => [`f${i}`, z.int()])))
  expect(namesOf(wide)).toHaveLength(PATHS_MAX)
  expect(pathsOf(wide).unwatched).toBe(3)
})

test('a field has its numbers, the hashes of its texts, or is absent', () => {
  const [at, price, sku] = pathsOf(
    z.object({ at: z.string(), items: z.array(z.object({ price: z.int().optional(), sku: z.string() })) }),
  ).paths
  const data = { at: null, items: [{ price: 5, sku: 'a' }, { sku: 'b' }, { price: 7, sku: 'a' }] }
  expect(seeField(data, at!, true)).toBeNull()
  expect(seeField(data, price!, true)).toEqual([5, 7])
  expect(seeField(data, sku!, true)).toEqual([hashText('a'), hashText('b'), hashText('a')])
  expect(seeField(data, sku!, false)).toEqual([])
  expect(seeField({ items: [] }, price!, true)).toBeNull()
  expect(seeField('no object', price!, true)).toBeNull()
})

test('a field of a closed list knows its values, and another one knows none', () => {
  const { paths } = pathsOf(z.object({ by: z.enum(['card', 'cash']), is: z.boolean(), text: z.string() }))
  expect(paths.map(({ values }) => values && [...values.values()])).toEqual([['card', 'cash'], ['true', 'false'], null])
})
