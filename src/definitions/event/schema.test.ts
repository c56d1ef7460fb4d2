import { describe, expect, test } from 'bun:test'
import { z } from 'zod'
import { events } from './events.ts'
import { fingerprint, findUnstable } from './schema.ts'

const Item = z.object({ sku: z.string(), qty: z.int() })
type Tree = { readonly name: string; readonly children: readonly Tree[] }
const Tree: z.ZodType<Tree, Tree> = z.lazy(() => z.object({ name: z.string(), children: z.array(Tree) }))
const Leaf: z.ZodType<Tree, Tree> = z.lazy(() => z.object({ children: z.array(Leaf), name: z.string() }))
const Folder = z.object({
  name: z.string(),
  get folders() {
    return z.array(Folder)
  },
})

describe('a fingerprint', () => {
  const same: readonly [string, z.ZodType, z.ZodType][] = [
    ['the same schema written again', z.object({ a: z.string() }), z.object({ a: z.string() })],
    ['another order of keys', z.object({ a: z.string(), b: Item }), z.object({ b: Item, a: z.string() })],
    [
      'another order of keys below',
      z.array(z.object({ x: z.object({ a: z.int(), b: z.int().optional(), c: z.null() }) })),
      z.array(z.object({ x: z.object({ c: z.null(), b: z.int().optional(), a: z.int() }) })),
    ],
    ['a description', z.object({ a: z.string() }), z.object({ a: z.string().describe('what a is') }).describe('what it is')],
    [
      'a title, examples, an id and anything else that describes',
      z.object({ a: Item }),
      z.object({
        a: Item.meta({ id: 'Item', title: 'An item', examples: [{ sku: 'a', qty: 1 }], deprecated: true, 'x-any': 1 }),
      }),
    ],
    ['a refinement', z.object({ a: z.string() }), z.object({ a: z.string().refine(text => text !== 'x') })],
    ['another name of a recursive schema', Tree, Leaf],
  ]
  test.each(same)('a fingerprint is the same after %s', (_, one, other) => {
    expect(fingerprint(other)).toBe(fingerprint(one))
  })

  const different: readonly [string, z.ZodType, z.ZodType][] = [
    ['another key', z.object({ a: z.string() }), z.object({ b: z.string() })],
    ['another type', z.object({ a: z.string() }), z.object({ a: z.number() })],
    ['a key more', z.object({ a: z.string() }), z.object({ a: z.string(), b: z.string() })],
    ['an optional key', z.object({ a: z.string() }), z.object({ a: z.string().optional() })],
    ['a nullable key', z.object({ a: z.string() }), z.object({ a: z.string().nullable() })],
    ['a literal more', z.enum(['a', 'b']), z.enum(['a', 'b', 'c'])],
    ['another literal', z.object({ a: z.literal('x') }), z.object({ a: z.literal('y') })],
    ['whole numbers', z.number(), z.int()],
    ['another length', z.string().min(1), z.string().min(2)],
    ['another order of a tuple', z.tuple([z.string(), z.int()]), z.tuple([z.int(), z.string()])],
    ['other members of an array', z.array(z.string()), z.array(z.int())],
    ['other values of a record', z.record(z.string(), z.string()), z.record(z.string(), z.int())],
    ['other keys of a record', z.record(z.string(), z.int()), z.record(z.enum(['a']), z.int())],
    [
      'a part that differs deep below',
      z.object({ a: z.array(Item) }),
      z.object({ a: z.array(Item.extend({ qty: z.string() })) }),
    ],
    ['strictness', z.object({ a: z.string() }), z.looseObject({ a: z.string() })],
  ]
  test.each(different)('a fingerprint differs after %s', (_, one, other) => {
    expect(fingerprint(other)).not.toBe(fingerprint(one))
  })

  test.each(['description', 'title', 'examples', 'id', '$schema', 'required', 'default', 'deprecated'])(
    'a fingerprint changes with a key that is named %s',
    name => {
      const strings = z.object({ [name]: z.string().optional() })
      expect(fingerprint(z.object({ [name]: z.array(z.string()).optional() }))).not.toBe(fingerprint(strings))
      expect(fingerprint(z.object({}))).not.toBe(fingerprint(strings))
    },
  )

  test('a fingerprint is short, and safe in any text', () => {
    for (const schema of [Item, Tree, Folder, z.any(), z.string()]) expect(fingerprint(schema)).toMatch(/^[\w-]{10}$/)
  })

  test('a fingerprint stays what it was in the release that wrote the first events', () => {
    // These are in logs: a change of one of them makes every payload in them be parsed again.
    expect([Item, z.object({}), Tree].map(fingerprint)).toMatchInlineSnapshot(`
      [
        "sJM0sY539P",
        "mTNHJmEcz1",
        "JXWpskdg5h",
      ]
    `)
  })
})

describe('an event schema', () => {
  const refused: readonly [string, z.ZodType, string][] = [
    ['a transform', z.object({ a: z.string().transform(Number) }), '/a has pipe'],
    ['a coercion', z.object({ a: z.coerce.number() }), '/a has coerce'],
    ['a coerced text', z.object({ a: z.coerce.string() }), '/a has coerce'],
    ['a coerced boolean', z.coerce.boolean(), '/ has coerce'],
    ['a default', z.object({ a: z.string().default('x') }), '/a has default'],
    ['a prefault', z.object({ a: z.string().prefault('x') }), '/a has prefault'],
    ['a catch', z.object({ a: z.string().catch('x') }), '/a has catch'],
    ['a pipe', z.object({ a: z.string().pipe(z.string()) }), '/a has pipe'],
    ['a preprocess', z.object({ a: z.preprocess(String, z.string()) }), '/a has pipe'],
    ['a codec', z.object({ a: z.stringbool() }), '/a has pipe'],
    ['a date', z.object({ a: z.date() }), '/a has date'],
    ['a bigint', z.object({ a: z.bigint() }), '/a has bigint'],
    ['a literal bigint', z.object({ a: z.literal(1n) }), '/a has a literal that JSON cannot hold'],
    ['a literal undefined', z.object({ a: z.literal(['x', undefined]) }), '/a has a literal that JSON cannot hold'],
    ['a map', z.object({ a: z.map(z.string(), z.string()) }), '/a has map'],
    ['a set', z.object({ a: z.set(z.string()) }), '/a has set'],
    ['undefined', z.object({ a: z.undefined() }), '/a has undefined'],
    ['a symbol', z.object({ a: z.symbol() }), '/a has symbol'],
    ['NaN', z.object({ a: z.nan() }), '/a has nan'],
    ['an instance', z.object({ a: z.instanceof(Date) }), '/a has custom'],
    ['trim', z.object({ a: z.string().trim() }), '/a has a check that changes its value, such as trim'],
    ['lower case', z.object({ a: z.string().toLowerCase() }), '/a has a check that changes its value, such as trim'],
    ['a normal form', z.object({ a: z.string().normalize() }), '/a has a check that changes its value, such as trim'],
    ['a normalized URL', z.object({ a: z.url({ normalize: true }) }), '/a has a check that changes its value, such as trim'],
    ['a date in an array', z.object({ a: z.array(z.date()) }), '/a/* has date'],
    ['a date in a tuple', z.object({ a: z.tuple([z.string(), z.date()]) }), '/a/* has date'],
    ['a date in the rest of a tuple', z.object({ a: z.tuple([z.string()], z.date()) }), '/a/* has date'],
    ['a date in a union', z.object({ a: z.union([z.string(), z.object({ b: z.date() })]) }), '/a/*/b has date'],
    [
      'a date in a discriminated union',
      z.discriminatedUnion('k', [z.object({ k: z.literal('a') }), z.object({ k: z.literal('b'), d: z.date() })]),
      '/*/d has date',
    ],
    ['a date in the values of a record', z.object({ a: z.record(z.string(), z.date()) }), '/a/* has date'],
    ['a trimmed key of a record', z.object({ a: z.record(z.string().trim(), z.int()) }), '/a/* has a check that changes'],
    ['a date in an optional', z.object({ a: z.date().optional() }), '/a/* has date'],
    ['a date in a nullable', z.object({ a: z.date().nullable() }), '/a/* has date'],
    ['a date in a lazy', z.object({ a: z.lazy(() => z.object({ b: z.date() })) }), '/a/b has date'],
    ['a date in an intersection', z.object({ a: z.intersection(Item, z.object({ b: z.date() })) }), '/a/*/b has date'],
    ['a date in what is left of an object', z.object({}).catchall(z.date()), '/* has date'],
    [
      'a date beside a recursion',
      z.object({
        get self() {
          return z.array(Folder)
        },
        at: z.date(),
      }),
      '/at has date',
    ],
  ]
  test.each(refused)('an event schema is refused at start for %s, which is named with its type and path', (_, schema, found) => {
    expect(findUnstable(schema)).toStartWith(found)
    // Types refuse most of these; what JavaScript passes is refused as well.
    expect(() => events('order', { Placed: schema as never })).toThrow(
      new RegExp(`^order\\.Placed: a stored payload .* at ${found.replaceAll('*', '\\*')}`),
    )
  })

  const accepted: readonly [string, z.ZodType][] = [
    ['a union of literals', z.object({ a: z.union([z.literal('x'), z.literal(1), z.literal(true), z.literal(null)]) })],
    ['several literals', z.literal(['a', 'b'])],
    ['an enum', z.object({ a: z.enum(['a', 'b']), b: z.enum({ One: 1, Two: 2 }) })],
    ['arrays and tuples', z.object({ a: z.array(Item), b: z.tuple([z.string(), z.int()], z.boolean()) })],
    ['records', z.object({ a: z.record(z.string(), Item), b: z.partialRecord(z.enum(['x', 'y']), z.int()) })],
    ['optional, nullable and nullish', z.object({ a: z.string().optional(), b: z.string().nullable(), c: z.string().nullish() })],
    ['exactly optional', z.object({ a: z.exactOptional(z.string()) })],
    ['required again', z.object({ a: z.string().optional().nonoptional() })],
    ['a recursive lazy', Tree],
    ['a recursive getter', Folder],
    ['a discriminated union', z.discriminatedUnion('k', [z.object({ k: z.literal('a') }), z.object({ k: z.literal('b') })])],
    ['an intersection', z.intersection(Item, z.object({ more: z.string() }))],
    ['readonly', z.object({ a: z.array(z.string()).readonly() }).readonly()],
    ['formats', z.object({ a: z.email(), b: z.uuid(), c: z.iso.datetime(), d: z.url(), e: z.int32(), f: z.base64() })],
    ['checks', z.object({ a: z.string().min(1).max(9).regex(/x/), b: z.number().positive().multipleOf(2) })],
    ['a refinement', z.object({ a: z.string().refine(text => text !== '') })],
    ['a template literal', z.templateLiteral(['order-', z.int()])],
    ['strict and loose objects', z.object({ a: z.strictObject({ b: z.int() }), c: z.looseObject({ d: z.int() }) })],
    ['anything, unknown and never', z.object({ a: z.any(), b: z.unknown(), c: z.never().optional() })],
    ['any JSON', z.json()],
    ['a description', Item.describe('An item').meta({ title: 'Item' })],
  ]
  test.each(accepted)('an event schema is accepted with %s', (_, schema) => {
    expect(findUnstable(schema)).toBeNull()
    expect(() => events('order', { Placed: schema as z.ZodUnknown })).not.toThrow()
  })
})
