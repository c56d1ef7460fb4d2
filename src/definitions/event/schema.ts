// Which schemas an event may have, and how a schema is recognised again years later.
import type { z } from 'zod'
import { canonicalText } from './payload.ts'

/** A schema by name, as `events` and `decider` take them. */
export type Schemas = Record<string, z.ZodType>

/**
 * A short name for the values that a schema takes: the first 60 bits of the SHA-256 of its JSON Schema, with sorted
 * keys.
 * Refinements do not count, because they limit new payloads and do not describe stored ones.
 * Titles, examples and other descriptions do not count, nor does the order of the properties.
 */
export function fingerprint(schema: z.ZodType): string {
  const { $schema: _, ...shape } = schema.toJSONSchema({ unrepresentable: 'any', metadata: UNDESCRIBED })
  return new Bun.CryptoHasher('sha256')
    .update(canonicalText(sortRequired(shape)))
    .digest('base64url')
    .slice(0, 10)
}
/** A registry without entries. Only its `get` is called. It is made here because the core loads no zod. */
const UNDESCRIBED = { get: () => undefined } as unknown as z.core.$ZodRegistry<Record<string, unknown>>

/** Sorts `required`, which is a list but means a set. A property of that name has a schema, which is no list. */
function sortRequired(shape: object): unknown {
  return JSON.parse(JSON.stringify(shape), (key, value: unknown) =>
    key === 'required' && Array.isArray(value) ? value.toSorted() : value,
  )
}

/** The kinds of schema whose output equals their input, and whose values survive JSON. */
const STABLE: ReadonlySet<string> = new Set([
  'string', 'number', 'int', 'boolean', 'null', 'literal', 'enum', 'array', 'object', 'tuple', 'union', 'record', 'intersection',
  'optional', 'nullable', 'nonoptional', 'readonly', 'lazy', 'template_literal', 'any', 'unknown', 'never',
]) // biome-ignore format: one list

type Def = {
  readonly type: string
  readonly coerce?: boolean
  readonly normalize?: boolean
  readonly values?: readonly unknown[]
  readonly checks?: readonly { readonly _zod: { readonly def: { readonly check: string; readonly normalize?: boolean } } }[]
  readonly [part: string]: unknown
}

/**
 * Finds the first part of a schema whose output differs from its input (transform, coerce, default, catch, trim …), or
 * that takes values which JSON cannot hold (date, bigint, map …). Gives its path and the finding; null if there is
 * none.
 */
export function findUnstable(schema: z.ZodType): string | null {
  return visit(schema, '', new Set())
}

function visit(schema: unknown, path: string, seen: Set<unknown>): string | null {
  if (seen.has(schema)) return null
  seen.add(schema)
  const def = defOf(schema)
  const describe = (what: string) => `${path || '/'} has ${what}`
  if (!STABLE.has(def.type)) return describe(def.type)
  if (def.coerce) return describe('coerce')
  if (def.normalize || def.checks?.some(check => check._zod.def.check === 'overwrite' || check._zod.def.normalize))
    return describe('a check that changes its value, such as trim')
  if (def.values?.some(value => typeof value === 'bigint' || value === undefined))
    return describe('a literal that JSON cannot hold')
  for (const [step, child] of partsOf(schema)) {
    const below = visit(child, path + step, seen)
    if (below) return below
  }
  return null
}

/** zod's definition of a schema is public to libraries through `_zod.def`, but typed per class. */
const defOf = (schema: unknown): Def => (schema as { _zod: { def: Def } })._zod.def

/** The schemas within a schema, each with its place: `/name` of a property, `/*` of what a list or another schema holds. */
export function partsOf(schema: unknown): [step: string, part: unknown][] {
  const def = defOf(schema)
  if (def.type === 'object') {
    const rest: [string, unknown][] = def['catchall'] ? [['/*', def['catchall']]] : []
    return [...Object.entries(def['shape'] as object).map(([key, child]): [string, unknown] => [`/${key}`, child]), ...rest]
  }
  if (def.type === 'lazy') return [['', (def['getter'] as () => unknown)()]]
  const named = ['element', 'innerType', 'keyType', 'valueType', 'left', 'right', 'rest', 'in', 'out']
  const listed = [...((def['options'] as unknown[]) ?? []), ...((def['items'] as unknown[]) ?? [])]
  return [
    ...named.filter(name => def[name]).map((name): [string, unknown] => ['/*', def[name]]),
    ...listed.map((child): [string, unknown] => ['/*', child]),
  ]
}
