// zod schemas as components of a document: zod's own JSON Schema, moved to where OpenAPI keeps it.
import { z } from 'zod'

/** A piece of a document. */
export type Json = { readonly [member: string]: unknown }
/** The schemas of a document by name; `text` tells whether another of that name is the same. */
export type SchemaRegistry = Map<string, { readonly text: string; readonly schema: Json }>

const HOME = '#/components/schemas/'

/**
 * Adds what a schema takes (`input`) or gives (`output`), and gives a reference to it.
 * What has an id (`.meta({ id })`) is called by it, recursion becomes references, what JSON Schema cannot say is anything.
 */
export function add(to: SchemaRegistry, name: string, schema: z.ZodType, io: 'input' | 'output' = 'output'): Json {
  const { $schema: _, $defs = {}, ...root } = z.toJSONSchema(schema, { io, unrepresentable: 'any', override: open })
  const isReference = Object.keys(root).length === 1 && root.$ref !== undefined
  const parts = [
    ...(isReference ? [] : [{ ref: '#', wanted: name, part: root as Json }]),
    ...Object.entries($defs).map(([id, part]) => ({ ref: refOf(id), wanted: nameOf(id, name), part: part as Json })),
  ]
  const refs = new Map(parts.map(({ ref, wanted, part }) => [ref, addComponent(to, wanted, part)['$ref'] as string]))
  for (const { ref, part } of parts) {
    const given = refs.get(ref)!.slice(HOME.length)
    to.set(given, { text: to.get(given)!.text, schema: replaceRefs(part, refs) })
  }
  return { $ref: refs.get(isReference ? root.$ref! : '#') }
}

/** What a schema takes, for where no reference may stand; what it refers to is added. */
export function inlineSchema(to: SchemaRegistry, name: string, schema: z.ZodType): Json {
  const had = new Set(to.keys())
  const ref = add(to, name, schema, 'input')
  const own = componentOf(to, ref)
  const given = (ref['$ref'] as string).slice(HOME.length)
  if (!had.has(given)) to.delete(given)
  return own
}

/** Adds a component under its name, with a number behind it where another one has that; gives a reference to it. */
export function addComponent(to: SchemaRegistry, name: string, schema: Json): Json {
  const text = JSON.stringify(schema)
  let free = name
  for (let count = 2; (to.get(free)?.text ?? text) !== text; count++) free = `${name}${count}`
  to.set(free, { text, schema })
  return { $ref: refTo(free) }
}

/** The component that a reference leads to. */
export function componentOf(schemas: SchemaRegistry, ref: Json): Json {
  return schemas.get((ref['$ref'] as string).slice(HOME.length))!.schema
}

/** Where a component is. */
export function refTo(name: string): string {
  return HOME + name
}

/** Fields that nobody knows yet may come: a client that refuses them would break with the next release. */
function open({ zodSchema, jsonSchema }: Parameters<NonNullable<z.core.ToJSONSchemaParams['override']>>[0]): void {
  if (zodSchema._zod.def.type === 'object' && !zodSchema._zod.def.catchall) delete jsonSchema.additionalProperties
}

/** zod points to what has an id by that, and numbers what has none and holds itself: `__schema0`. */
function refOf(id: string): string {
  return `#/$defs/${id.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function nameOf(id: string, parent: string): string {
  return id.startsWith('__schema') ? `${parent}Part` : id.replaceAll(/[^\w.-]/g, '_')
}

function replaceRefs(schema: Json, refs: ReadonlyMap<string, string>): Json {
  const text = JSON.stringify(schema, (key, value: unknown) => (key === '$ref' ? (refs.get(value as string) ?? value) : value))
  return JSON.parse(text) as Json
}
