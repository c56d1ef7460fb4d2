// The fields of a payload that a detector watches. They come from the schema, so that no name of a note is data.
import type { z } from 'zod'

/** A field of a payload, such as `items[].price`. */
export type ShapePath = {
  readonly name: string
  /** Names of properties; null: each of a list. */
  readonly steps: readonly (string | null)[]
  /** The values of a closed list, by the hash of each. Null: any value. */
  readonly values: ReadonlyMap<string, string> | null
}

/** The fields of a type that are watched, and how many more there are. */
export type ShapePaths = {
  readonly paths: readonly ShapePath[]
  readonly unwatched: number
  /** Changes with the names of the paths. */
  readonly fingerprint: string
}

/** What an event has in a field: its numbers, and the hashes of its texts. Null: the field is absent. */
export type Seen = readonly (number | string)[] | null

/** How many fields of a type are watched. */
export const PATHS_MAX = 32
/** How many values of an event a field has. The others are passed over. */
const VALUES_MAX = 4

type Shape = {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Shape[]
  readonly oneOf?: readonly Shape[]
  readonly allOf?: readonly Shape[]
  readonly properties?: Readonly<Record<string, Shape>>
  readonly items?: Shape | boolean
  readonly secret?: unknown
}
type Found = Omit<ShapePath, 'name'> & { readonly isSecret: boolean }

/** The fields of a schema. One that is marked `secret` is none of them, nor is what it holds. */
export function pathsOf(schema: z.ZodType): ShapePaths {
  const found = walk(schema.toJSONSchema({ unrepresentable: 'any' }) as Shape, [])
  const secrets = found.filter(({ isSecret }) => isSecret)
  const isOpen = ({ steps }: Found) => !secrets.some(secret => secret.steps.every((step, i) => step === steps[i]))
  const byName = Map.groupBy(found.filter(isOpen), ({ steps }) => nameOf(steps))
  const all = [...byName].map(([name, some]) => ({ name, steps: some[0]!.steps, values: mergeValues(some) }))
  const paths = all.slice(0, PATHS_MAX)
  return { paths, unwatched: all.length - paths.length, fingerprint: hashText(paths.map(({ name }) => name).join('\n')) }
}

function walk(shape: Shape, steps: Found['steps']): readonly Found[] {
  if (shape.secret === true) return [{ steps, values: null, isSecret: true }]
  const options = [shape.anyOf, shape.oneOf, shape.allOf].flatMap(some => some ?? [])
  if (options.length) return options.flatMap(option => walk(option, steps))
  // No row can hold a key of that name.
  const within = Object.entries(shape.properties ?? {}).filter(([name]) => name !== '__proto__')
  if (within.length) return within.flatMap(([name, one]) => walk(one, [...steps, name]))
  if (typeof shape.items === 'object') return walk(shape.items, [...steps, null])
  if (steps.length === 0 || shape.type === 'null') return []
  return [{ steps, values: listedValues(shape), isSecret: false }]
}

function listedValues(shape: Shape): ShapePath['values'] {
  const listed: readonly unknown[] | null =
    shape.enum ?? ('const' in shape ? [shape.const] : shape.type === 'boolean' ? [true, false] : null)
  return listed && new Map(listed.map(value => [hashText(String(value)), String(value)]))
}

function mergeValues(some: readonly Found[]): ShapePath['values'] {
  const lists = some.map(({ values }) => values)
  return lists.includes(null) ? null : new Map(lists.flatMap(list => [...list!]))
}

function nameOf(steps: Found['steps']): string {
  return steps.reduce<string>((name, step) => (step === null ? `${name}[]` : name === '' ? step : `${name}.${step}`), '')
}

/** Reads a field of a payload. `hasTexts`: whether its texts count. */
export function seeField(data: unknown, { steps }: ShapePath, hasTexts: boolean): Seen {
  const found: unknown[] = []
  collect(data, steps, 0, found)
  if (found.length === 0) return null
  const seen: (number | string)[] = []
  for (const value of found)
    if (typeof value === 'number') seen.push(value)
    else if (hasTexts && isText(value)) seen.push(hashText(String(value)))
  return seen
}

const isText = (value: unknown) => typeof value === 'string' || typeof value === 'boolean'

/** Collects what is there at the end of the steps. Null and undefined are not there. */
function collect(value: unknown, steps: ShapePath['steps'], i: number, found: unknown[]): void {
  if (value === null || value === undefined || found.length === VALUES_MAX) return
  const step = steps[i]
  if (step === undefined) found.push(value)
  else if (step !== null) {
    if (typeof value === 'object' && Object.hasOwn(value, step))
      collect((value as Record<string, unknown>)[step], steps, i + 1, found)
  } else if (Array.isArray(value)) {
    const end = Math.min(value.length, VALUES_MAX)
    for (let at = 0; at < end; at++) collect(value[at], steps, i + 1, found)
  }
}

/** A text as a short one that does not show it. FNV-1a, 32 bits: it is the same in each process. */
export function hashText(text: string): string {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return (hash >>> 0).toString(36)
}
