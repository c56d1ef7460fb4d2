// zod schemas as components of a document: zod's own JSON Schema, moved to the place that OpenAPI gives it.
import { z } from 'zod'

/** A piece of a document. */
export type Json = { readonly [member: string]: unknown }
/** The schemas of a document by name. `text` tells whether another schema of that name is the same. */
export type SchemaRegistry = Map<string, { readonly text: string; readonly schema: Json }>

const HOME = '#/components/schemas/'

/**
 * Adds the schema of an input or an output, and gives a reference to it.
 * A schema with an id (`.meta({ id })`) has it as its name. Recursion becomes references. A type that JSON Schema
 * cannot express becomes any value.
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

/** The schema of an input, for places that allow no reference. Schemas that it refers to are added. */
export function inlineSchema(to: SchemaRegistry, name: string, schema: z.ZodType): Json {
  const had = new Set(to.keys())
  const ref = add(to, name, schema, 'input')
  const own = componentOf(to, ref)
  const given = (ref['$ref'] as string).slice(HOME.length)
  if (!had.has(given)) to.delete(given)
  return own
}

/**
 * Adds a component under its name, and gives a reference to it. If another component has the name, a number is added to
 * it.
 */
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

/** The path of a component. */
export function refTo(name: string): string {
  return HOME + name
}

/** Allows unknown fields in answers: a client that refuses them would break with the next release. */
function open({ zodSchema, jsonSchema }: Parameters<NonNullable<z.core.ToJSONSchemaParams['override']>>[0]): void {
  if (zodSchema._zod.def.type === 'object' && !zodSchema._zod.def.catchall) delete jsonSchema.additionalProperties
}

/**
 * The name of a schema in zod's references: its id, or a number for a recursive schema without one, such as
 * `__schema0`.
 */
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
