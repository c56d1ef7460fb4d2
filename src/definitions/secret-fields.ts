// Fields that are marked secret. Their values are taken out of an error where it leaves the code that had them, before
// anybody reads it.
import type { z } from 'zod'
import { partsOf } from './event/schema.ts'

const HIDDEN = '***'
/** A shorter value is part of ordinary words and numbers, so it is hidden only where it stands alone; one or two characters are not. */
const ALONE_BELOW = 5
const LENGTH_MIN = 3
const CAUSES_MAX = 5

/** The names of all marked fields of the process. A field is known by its name, wherever a state or a row keeps it. */
const names = new Set<string>()
/** They are looked into when an error comes: before, a schema may name one that is not made yet. */
const unread: z.ZodType[] = []

/** Notes the fields that are marked with `.meta({ secret: true })`. A schema that is marked as a whole has all its fields marked. */
export function noteSecretFields(schemas: Iterable<z.ZodType>): void {
  unread.push(...schemas)
}

function secretNames(): ReadonlySet<string> {
  const seen = new Map<unknown, Set<string | null>>()
  for (const schema of unread.splice(0)) note(schema, null, false, seen)
  return names
}

function note(schema: unknown, field: string | null, isWithin: boolean, seen: Map<unknown, Set<string | null>>): void {
  const isSecret = isWithin || isMarked(schema)
  if (isSecret && field !== null) names.add(field)
  const fields = seen.get(schema) ?? new Set()
  if (fields.has(field)) return
  seen.set(schema, fields.add(field))
  for (const [step, part] of partsOf(schema)) note(part, step.length > 1 && step !== '/*' ? step.slice(1) : field, isSecret, seen)
}

/** zod/mini has no `meta`. */
function isMarked(schema: unknown): boolean {
  return (schema as { meta?(): { readonly secret?: unknown } | undefined }).meta?.()?.secret === true
}

/**
 * Hides in an error, and in its causes, the values of marked fields of what was at hand when it was thrown: data, a state,
 * a row. Gives the same error, or one in its place if it cannot be changed.
 */
export function errorWithoutSecrets(error: unknown, ...held: readonly unknown[]): unknown {
  if (secretNames().size === 0) return error
  const secrets = new Set<string>()
  const seen = new Set<unknown>()
  for (const one of held) collect(one, false, secrets, seen)
  if (secrets.size === 0) return error
  const patterns = [...secrets].toSorted((a, b) => b.length - a.length).flatMap(patternsOf)
  return clean(error, text => patterns.reduce((shown, pattern) => shown.replaceAll(pattern, HIDDEN), text), CAUSES_MAX)
}

function collect(value: unknown, isSecret: boolean, secrets: Set<string>, seen: Set<unknown>): void {
  if (typeof value !== 'object' || value === null) {
    if (isSecret && /^(string|number|bigint)$/.test(typeof value) && String(value).length >= LENGTH_MIN)
      secrets.add(String(value))
    return
  }
  if (seen.has(value)) return
  seen.add(value)
  const entries = value instanceof Map || value instanceof Set ? value.entries() : membersOf(value)
  for (const [name, one] of entries) collect(one, isSecret || names.has(String(name)), secrets, seen)
}

/** The members of an object. What would have to be called is left out. */
function membersOf(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(Object.getOwnPropertyDescriptors(value)).map(([name, member]) => [name, member.value])
}

/** A value as it stands in a text, and as it stands in JSON. */
function patternsOf(value: string): readonly RegExp[] {
  const forms = new Set([value, JSON.stringify(value).slice(1, -1)])
  return [...forms].map(form => {
    const escaped = RegExp.escape(form)
    return form.length < ALONE_BELOW ? new RegExp(`(?<![\\w.])${escaped}(?![\\w.])`, 'g') : new RegExp(escaped, 'g')
  })
}

function clean(thrown: unknown, hide: (text: string) => string, causes: number): unknown {
  if (typeof thrown === 'string') return hide(thrown)
  if (typeof thrown !== 'object' || thrown === null) return thrown
  if (!(thrown instanceof Error)) {
    const text = Bun.inspect(thrown)
    const hidden = hide(text)
    return hidden === text ? thrown : new Error(hidden)
  }
  const cause = thrown.cause === undefined || causes === 0 ? thrown.cause : clean(thrown.cause, hide, causes - 1)
  const changes = Object.fromEntries(
    ['message', 'stack', ...Object.keys(thrown)].flatMap(name => {
      const found: unknown = Reflect.get(thrown, name)
      return typeof found === 'string' && hide(found) !== found ? [[name, { value: hide(found) }]] : []
    }),
  )
  if (cause !== thrown.cause) changes['cause'] = { value: cause as string }
  try {
    return Object.defineProperties(thrown, changes)
  } catch {
    return new Error(hide(thrown.message), { cause })
  }
}

/** Parses data. A check of a user's that throws does so without the secrets of the data. */
export function parseHidingSecrets<Z extends z.ZodType>(schema: Z, data: unknown): z.ZodSafeParseResult<z.output<Z>> {
  try {
    return schema.safeParse(data)
  } catch (error) {
    throw errorWithoutSecrets(error, data)
  }
}
