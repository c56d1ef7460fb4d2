// Folds stored events into rows.
import { errorWithoutSecrets } from '../secret-fields.ts'
import { readInFamilies } from '../event/families.ts'
import { encode, freeze } from '../event/payload.ts'
import { type Event, issuesText, type Recorded } from '../event/events.ts'
import type { StoredText } from '../event/recorded.ts'
import { requireKey } from '../event/names.ts'
import { categoryOf, instanceOf, streamName } from '../event/stream-name.ts'
import type { ProjectionSpec } from './projection.ts'

/** An event that changes the row of a key. */
export type RowEvent = {
  readonly key: string
  readonly event: Recorded
  readonly evolve: (row: unknown, data: unknown, event: Recorded, key: string) => unknown
}

/**
 * The rows that a stored event changes, one entry for each row and each of today's events in it. An event that cannot
 * be read counts for the row of its instance, and its fold throws. Throws if such an event may be for other rows, and
 * if a key cannot be computed.
 */
export function rowEvents(projection: ProjectionSpec, stored: StoredText): readonly RowEvent[] {
  let events: readonly Recorded[]
  try {
    events = readInFamilies(projection.families, stored)
  } catch (error) {
    return [unreadableEvent(projection, stored, error)]
  }
  const [event] = events
  // Nearly always there is one event, for the row of its own instance.
  if (events.length === 1 && !projection.key.size) {
    const evolve = evolveOf(projection, event!)
    return evolve ? [{ key: event!.instance, event: event!, evolve }] : []
  }
  return events.flatMap(event => {
    const evolve = evolveOf(projection, event)
    return evolve ? keysOf(projection, event).map(key => ({ key, event, evolve })) : []
  })
}

/** The streams whose events change the row of a key by their instance alone. */
export function streamsOfRow({ evolve, key }: ProjectionSpec, instance: string): readonly string[] {
  const isByInstance = ([category, folds]: readonly [string, ReadonlyMap<string, unknown>]) =>
    [...folds.keys()].some(type => !key.get(category)?.has(type))
  return [...evolve].filter(isByInstance).map(([category]) => streamName(category, instance))
}

/** Folds an event over a row. Null: there is no row. Throws if the fold throws or gives no row. */
export function foldEvent(projection: ProjectionSpec, row: object | null, { key, event, evolve }: RowEvent): object | null {
  let next: unknown
  try {
    next = evolve(row ?? projection.initial, event.data, event, key)
  } catch (error) {
    throw errorWithoutSecrets(error, row, event.data)
  }
  if (next === null) return null
  if (typeof next === 'object' && !Array.isArray(next) && typeof (next as { then?: unknown }).then !== 'function')
    return freeze(next)
  // A later failure of the promise is part of this error.
  Promise.resolve(next).catch(() => {})
  const what = Array.isArray(next) ? 'an array' : typeof next === 'object' ? 'a promise' : String(next)
  throw new TypeError(`${projection.name}: evolve of ${nameOf(event)} gave ${what}; it returns a row, or null to delete it`)
}

/**
 * Encodes a row for its table: its JSON text, and the values of its indexes. Throws if it does not fit its schema, or
 * JSON.
 */
export function encodeRow(
  { name, row: schema, indexes }: ProjectionSpec,
  row: object,
): { readonly data: string; readonly fields: readonly (string | number | null)[] } {
  const parsed = schema.safeParse(row)
  if (!parsed.success) {
    const misfit = new TypeError(`${name}: the row does not fit its schema: ${issuesText(parsed.error.issues)}`)
    throw errorWithoutSecrets(misfit, row)
  }
  const values = parsed.data as Readonly<Record<string, string | number | boolean | null | undefined>>
  if (Object.hasOwn(values, 'key'))
    throw new TypeError(`${name}: the row has a field key, which is the name for the key of a row`)
  const fields = indexes.map(({ field }) => indexValue(values[field]))
  const wrong = indexes.find((_, i) => typeof fields[i] === 'string' && fields[i].includes('\0'))
  if (wrong) throw new TypeError(`${name}: ${wrong.field} is indexed, and no index holds U+0000`)
  return { data: encode(parsed.data), fields }
}

/** Converts a field's value to the value in its index. */
export function indexValue(value: string | number | boolean | null | undefined): string | number | null {
  return typeof value === 'boolean' ? Number(value) : (value ?? null)
}

function evolveOf({ evolve }: ProjectionSpec, { category, type }: Event): RowEvent['evolve'] | undefined {
  return evolve.get(category)?.get(type)
}

function unreadableEvent({ key }: ProjectionSpec, stored: StoredText, error: unknown): RowEvent {
  const category = categoryOf(stored.stream)
  if (key.has(category)) throw error
  const evolve = () => {
    throw error
  }
  const instance = instanceOf(stored.stream)
  // The fold gets only the event's place, and throws.
  return { key: instance, event: { ...stored, category, instance, data: undefined, meta: {} } as unknown as Recorded, evolve }
}

function keysOf({ name, key }: ProjectionSpec, event: Recorded): readonly string[] {
  const of = key.get(event.category)?.get(event.type)
  if (!of) return [event.instance]
  try {
    const found: unknown = of(event.data, event)
    const keys: readonly unknown[] = Array.isArray(found) ? [...new Set(found)] : [found]
    return keys.map(key => requireKey(name, event, key))
  } catch (error) {
    throw errorWithoutSecrets(error, event.data)
  }
}

const nameOf = ({ category, type }: Event): string => `${category}.${type}`
