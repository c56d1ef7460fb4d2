// Folds over several families: which facts they name, how the names are written, and which events of the log they read.
import { type AnyEvents, type Event, type EventsSpec, type Recorded, spec } from './events.ts'
import type { Misnamed, NoExcess } from './misnamed.ts'
import { readRecorded, type StoredText } from './recorded.ts'
import { isOf } from './stream-name.ts'

/** One value or several. */
export type One<T> = T | readonly T[]
/** Makes a key that is no `Name` have an error at its place in the code, with the nearest name. */
export type Only<T, Name> = { [K in Exclude<keyof T, Name>]: Misnamed<'event', K, Name> }
/** The same for folds, of which none gives a field that the state does not have. */
export type OnlyFolds<T, Name, State> = {
  [K in keyof T]: K extends Name
    ? T[K] extends (...args: never) => infer Given
      ? NoExcess<Given, State>
      : unknown
    : Misnamed<'event', K, Name>
}
/** The events of a family, or of several. */
export type In<F extends AnyEvents> = F[typeof spec]['event']
/** The name of an event: with its family, or bare if no other family has the name. */
export type NameOf<E extends Event, All extends Event = E> =
  E extends Event<infer C, infer T> ? `${C}.${T}` | (IsOne<OwnersOf<All, T>> extends true ? T : never) : never
/** The categories that have an event of a type. */
type OwnersOf<All extends Event, T> = All extends Event<infer C, infer U> ? (T extends U ? C : never) : never
type IsOne<T, All = T> = T extends All ? ([All] extends [T] ? true : false) : never
/** The event of a name. */
export type EventNamed<E extends Event, K> = E extends Event<infer C, infer T> ? (K extends T | `${C}.${T}` ? E : never) : never
/** Functions for some of the events, by name. */
export type On<E extends Event, State, Result> = {
  readonly [K in NameOf<E>]?: (
    state: State,
    data: EventNamed<E, K>['data'],
    event: Recorded<EventNamed<E, K>>,
    key: string,
  ) => Result
}
/** Functions for some of the events, by name, which give the key or the keys that an event belongs to. */
export type Keys<E extends Event> = {
  readonly [K in NameOf<E>]?: (data: EventNamed<E, K>['data'], event: Recorded<EventNamed<E, K>>) => One<string>
}

/** The families that a definition reads, by category. */
export type Families = ReadonlyMap<string, EventsSpec>
/** Functions by category and type. */
export type ByEvent<F> = ReadonlyMap<string, ReadonlyMap<string, F>>
/** Types by category. Null: all types of the category. */
export type TypesByCategory = ReadonlyMap<string, readonly string[] | null>

export function familiesOf(where: string, from: One<AnyEvents>): Families {
  const list = (Array.isArray(from) ? from : [from]) as readonly AnyEvents[]
  const families = new Map(list.map(family => [family[spec].name, family[spec]]))
  if (families.size !== list.length) throw new TypeError(`${where}: two of its families have one category`)
  return families
}

/**
 * Sorts functions by category and type. Throws a TypeError for a name that no family has, and for a bare name that two
 * have.
 */
export function byEvent<F>(where: string, families: Families, functions: object | undefined): ByEvent<F> {
  const found = new Map<string, Map<string, F>>()
  for (const [name, fold] of Object.entries(functions ?? {})) {
    if (typeof fold !== 'function') throw new TypeError(`${where}.${name} is no function`)
    const [category, type] = resolveName(where, families, name)
    found.set(category, (found.get(category) ?? new Map<string, F>()).set(type, fold as F))
  }
  return found
}

function resolveName(where: string, families: Families, name: string): readonly [category: string, type: string] {
  const [category = '', type = ''] = name.split('.')
  if (name === `${category}.${type}` && families.get(category)?.types.has(type)) return [category, type]
  const owners = [...families.values()].filter(family => family.types.has(name))
  if (owners.length === 1) return [owners[0]!.name, name]
  const all = [...families.values()].flatMap(family => [...family.types.keys()].map(type => `${family.name}.${type}`))
  throw new TypeError(
    owners.length
      ? `${where}.${name} is in several families: say ${owners.map(owner => `'${owner.name}.${name}'`).join(' or ')}`
      : `${where}.${name} is no event of its families; there are ${all.join(', ')}`,
  )
}

/**
 * The stored types that can become one of the wanted events: their own names, and old types that were renamed or split.
 */
export function storedTypes(families: Families, wanted: ByEvent<unknown>): TypesByCategory {
  return new Map(
    [...families.values()].flatMap(({ name, types, was }) => {
      const today = [...types.keys()].filter(type => wanted.get(name)?.has(type))
      const old = [...was].flatMap(([type, old]) =>
        old.kind === 'split' || (old.kind === 'renamed' && today.includes(old.to)) ? [type] : [],
      )
      return today.length ? [[name, [...today, ...old]] as const] : []
    }),
  )
}

/** Reads a stored event as today's events of its family; none if its family is not listed. Throws UnreadableEvent. */
export function readInFamilies(families: Families, stored: StoredText): readonly Recorded[] {
  // There are few families, so a search is quick: to cut the category out of every stream's name and hash it takes
  // three times as long.
  for (const family of families.values()) if (isOf(family.name, stored.stream)) return readRecorded(family, stored)
  return []
}
