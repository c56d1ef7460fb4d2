// Values that hold others: objects, records, lists, sets, maps.
import type { Arbitrary, DepthIdentifier } from 'fast-check'
import { fc } from '../fast-check.ts'
import { mixValues } from './mix-values.ts'
import { checksOf, type Def, lengthsOf, type Schema } from './schema-def.ts'

/** Makes the arbitrary of a part, by its step from here. */
export type MakePart = (part: Schema, step: string) => Arbitrary<unknown>

/** A longer list is not generated on purpose, where a schema has a higher bound. */
const LONG_LIST_MAX = 200
/** The most keys that a record, or the rest of an object or tuple, is given. */
const REST_MAX = 5

type Entries = readonly (readonly [unknown, unknown])[]

export function lists(def: Def, make: MakePart, depth: DepthIdentifier): Arbitrary<unknown[]> {
  const element = make(def.element!, '*')
  const lengths = lengthsOf(checksOf(def))
  const edges = [lengths.minLength, lengths.maxLength].filter(
    (edge): edge is number => edge !== undefined && edge > 0 && edge <= LONG_LIST_MAX,
  )
  const listOf = (bounds: typeof lengths) => fc.array(element, { ...bounds, depthIdentifier: depth })
  const exact = (length: number) => listOf({ minLength: length, maxLength: length })
  return mixValues(listOf(lengths), edges.map(exact), { every: 6, within: { depth, least: exact(lengths.minLength) } })
}

export function sets(def: Def, make: MakePart): Arbitrary<ReadonlySet<unknown>> {
  return fc.uniqueArray(make(def.valueType!, '*'), lengthsOf(checksOf(def))).map(values => new Set(values))
}

export function maps(def: Def, make: MakePart): Arbitrary<ReadonlyMap<unknown, unknown>> {
  const entry = fc.tuple(make(def.keyType!, 'key'), make(def.valueType!, '*'))
  return fc
    .uniqueArray(entry, { ...lengthsOf(checksOf(def)), selector: ([key]) => key })
    .map((entries: Entries) => new Map(entries))
}

export function objects(def: Def, make: MakePart): Arbitrary<object> {
  const entries = Object.entries(def.shape!)
  const fields = Object.fromEntries(entries.map(([key, part]) => [key, make(part, key)]))
  const requiredKeys = entries.filter(([, part]) => part._zod.optin === undefined).map(([key]) => key)
  const known = fc.record(fields, { requiredKeys, noNullPrototype: true }).map(withoutUndefined)
  if (!def.catchall || def.catchall._zod.def.type === 'never') return known
  const others = fc.dictionary(fc.stringMatching(/^x[a-z]{1,4}$/), make(def.catchall, '*'), {
    maxKeys: REST_MAX,
    noNullPrototype: true,
  })
  return fc.tuple(known, others).map(([fixed, more]) => ({ ...more, ...fixed }))
}
const withoutUndefined = (object: object): object =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))

export function records(def: Def, make: MakePart): Arbitrary<object> {
  const key = def.keyType!
  const value = make(def.valueType!, '*')
  const of = (keys: readonly unknown[]) => Object.fromEntries(keys.map(name => [String(name), value]))
  if (key._zod.values?.size) return fc.record(of([...key._zod.values]), { noNullPrototype: true })
  // The keys of a partial record are optional, and its key schema says no values.
  const { entries } = key._zod.def
  if (entries) return fc.record(of(Object.values(entries)), { requiredKeys: [], noNullPrototype: true })
  const keys = (make(key, 'key') as Arbitrary<string>).filter(name => name !== '__proto__')
  return fc.dictionary(keys, value, { maxKeys: REST_MAX, noNullPrototype: true })
}

export function tuples(def: Def, make: MakePart): Arbitrary<readonly unknown[]> {
  const items = fc.tuple(...def.items!.map((item, index) => make(item, String(index))))
  if (!def.rest) return items
  return fc.tuple(items, fc.array(make(def.rest, '*'), { maxLength: REST_MAX })).map(([fixed, more]) => [...fixed, ...more])
}
