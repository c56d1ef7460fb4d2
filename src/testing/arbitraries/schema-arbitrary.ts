// A zod schema as an arbitrary of its input. Values are valid by construction where they can be; where not, the node
// that has the check drops what does not fit, so that a check on one field costs nothing elsewhere.
import type { DepthIdentifier } from 'fast-check'
import type { z } from 'zod'
import { type Arbitrary, fc } from '../fast-check.ts'
import { lists, type MakePart, maps, objects, records, sets, tuples } from './composites.ts'
import { dates } from './formats.ts'
import { bigIntegers, numbers } from './numbers.ts'
import { checksOf, type Def, type Schema } from './schema-def.ts'
import { texts } from './texts.ts'

/**
 * Gives the arbitrary of a part of a schema, or undefined for the usual one. A path is `/items/*` for what
 * the list `items` holds; that of the root is empty.
 */
export type Own = (schema: z.ZodType, path: string) => Arbitrary<unknown> | undefined

const MISSES_MAX = 2_000
const DEPTH_MAX = 3

type Place = {
  readonly own: Own
  /** How many values in a row may miss a check, before the search for one that fits ends. */
  readonly missesMax: number
  readonly path: string
  readonly open: ReadonlyMap<Schema, Arbitrary<unknown>>
}

export const arbitraryOf = (schema: Schema, own: Own, missesMax: number = MISSES_MAX): Arbitrary<unknown> =>
  node(schema, { own, missesMax, path: '', open: new Map() })

/** One schema. A schema that holds itself gets itself by name, and the recursion ends by depth. */
function node(schema: Schema, place: Place): Arbitrary<unknown> {
  const open = place.open.get(schema)
  if (open) return open
  const { root } = fc.letrec<{ root: unknown }>(tie => {
    const within = { ...place, open: new Map(place.open).set(schema, tie('root')) }
    return { root: checked(schema, within) }
  })
  return root
}

/** The checks that the arbitrary of a plain schema is made by. */
const BUILT: ReadonlySet<string | undefined> = new Set([
  'min_length', 'max_length', 'length_equals', 'greater_than', 'less_than', 'multiple_of', 'number_format', 'min_size', 'max_size', 'size_equals',
]) // biome-ignore format: one list

function checked(schema: Schema, place: Place): Arbitrary<unknown> {
  const { def } = schema._zod
  // What is walked here is a zod schema, of which `Schema` names the part that is read.
  const given = place.own(schema as unknown as z.ZodType, place.path)
  const isPlain = def.type !== 'pipe' && def.type !== 'intersection' && !(def.type === 'string' && def.format !== undefined)
  const isBuilt = !given && isPlain && checksOf(def).every(({ check }) => BUILT.has(check))
  const made = given ?? plain(schema, place)
  return isBuilt ? made : fitting(made, schema, place)
}

/** Only what the schema takes. Throws where that is hardly ever the case, instead of a search without an end. */
function fitting(made: Arbitrary<unknown>, schema: Schema, { path, missesMax }: Place): Arbitrary<unknown> {
  let misses = 0
  return made.filter(value => {
    const fits = schema.safeParse(value).success
    misses = fits ? 0 : misses + 1
    if (misses < missesMax) return fits
    misses = 0
    throw new TypeError(`${path || '/'}: ${missesMax} values in a row did not fit the schema: give an arbitrary for it with own`)
  })
}

function plain(schema: Schema, place: Place): Arbitrary<unknown> {
  const { def } = schema._zod
  const depth = fc.createDepthIdentifier()
  const make: MakePart = (part, step) => node(part, step ? { ...place, path: `${place.path}/${step}` } : place)
  const found = scalar(schema, place.path) ?? composite(def, make, depth) ?? wrapped(def, make, depth)
  if (found) return found
  throw new TypeError(
    `${place.path || '/'}: nothing says what a schema of kind ${def.type} takes: give an arbitrary for it with own`,
  )
}

function scalar(schema: Schema, path: string): Arbitrary<unknown> | undefined {
  const { def } = schema._zod
  const checks = [def, ...checksOf(def)]
  switch (def.type) {
    case 'string':
      return texts(schema, checks, path)
    case 'number':
    case 'int':
      return numbers(checks)
    case 'bigint':
      return bigIntegers(checks)
    case 'boolean':
      return fc.boolean()
    case 'date':
      return dates()
    case 'null':
      return fc.constant(null)
    case 'undefined':
    case 'void':
      return fc.constant(undefined)
    case 'nan':
      return fc.constant(Number.NaN)
    case 'any':
    case 'unknown':
      return fc.jsonValue({ maxDepth: 2 }).map(value => JSON.parse(JSON.stringify(value)) as unknown)
    case 'literal':
      return fc.constantFrom(...def.values!)
    case 'enum':
      return fc.constantFrom(...enumValues(def.entries!))
    case 'template_literal':
      return fc.stringMatching(schema._zod.pattern!)
    default:
      return undefined
  }
}
/** An enum of TypeScript with numbers also has an entry from each number back to its name. */
const enumValues = (entries: NonNullable<Def['entries']>): readonly unknown[] => [
  ...new Set(
    Object.entries(entries).flatMap(([name, value]) =>
      typeof entries[value] === 'number' && String(entries[value]) === name ? [] : [value],
    ),
  ),
]

function composite(def: Def, make: MakePart, depth: DepthIdentifier): Arbitrary<unknown> | undefined {
  switch (def.type) {
    case 'array':
      return lists(def, make, depth)
    case 'set':
      return sets(def, make)
    case 'map':
      return maps(def, make)
    case 'object':
      return objects(def, make)
    case 'record':
      return records(def, make)
    case 'tuple':
      return tuples(def, make)
    case 'intersection':
      return fc.tuple(make(def.left!, ''), make(def.right!, '')).map(([left, right]) => merged(left, right))
    case 'union':
      return fc.oneof(
        { depthIdentifier: depth, maxDepth: DEPTH_MAX },
        ...leavesFirst(def.options!).map(option => make(option, '')),
      )
    default:
      return undefined
  }
}
const merged = (left: unknown, right: unknown): unknown => (typeof left === 'object' ? { ...left, ...(right as object) } : left)

const NESTED: ReadonlySet<string> = new Set(['array', 'object', 'record', 'lazy', 'tuple', 'map', 'set', 'union', 'intersection'])
/** The first of a union is what ends a recursion. */
function leavesFirst(options: readonly Schema[]): readonly Schema[] {
  const isNested = (option: Schema) => NESTED.has(option._zod.def.type)
  return [...options.filter(option => !isNested(option)), ...options.filter(isNested)]
}

function wrapped(def: Def, make: MakePart, depth: DepthIdentifier): Arbitrary<unknown> | undefined {
  const option = (nil: null | undefined) =>
    fc.option(make(def.innerType!, ''), { nil, depthIdentifier: depth, maxDepth: DEPTH_MAX })
  switch (def.type) {
    case 'optional':
    case 'default':
    case 'prefault':
      return option(undefined)
    case 'nullable':
      return option(null)
    case 'nonoptional':
      return make(def.innerType!, '').filter(value => value !== undefined)
    case 'readonly':
    case 'success':
    case 'catch':
      return make(def.innerType!, '')
    case 'lazy':
      return make(def.getter!(), '')
    case 'pipe':
      // A preprocess begins with a transform: what comes out of it is the better guess at what goes in.
      return make(def.in!._zod.def.type === 'transform' ? def.out! : def.in!, '')
    default:
      return undefined
  }
}
