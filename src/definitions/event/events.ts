import { errorWithoutSecrets, noteSecretFields, parseHidingSecrets } from '../secret-fields.ts'
import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import type { CustomMeta } from './custom-meta.ts'
import type { z } from 'zod'
import { freeze, stripUndefined } from './payload.ts'
import { type Schemas, findUnstable } from './schema.ts'
import { type Chain, chain, schemasOf } from './upcast.ts'
import { isUuid } from './uuid.ts'

/** The property that holds the framework's part of a definition. No name of a user can collide with it. */
export const spec: unique symbol = Symbol('emaki')

/** A fact: something that happened, as data. `category` names its family. `id`: the one that its appender gave it. */
export type Event<C extends string = string, T extends string = string, D = unknown> = {
  readonly category: C
  readonly type: T
  readonly data: D
  readonly id?: string
}

/** The metadata of an event: its causes and its actor. `schema` is the fingerprint of the schema that wrote it. */
export type Meta = {
  readonly schema: string
  readonly correlation: string
  readonly causation: string
  readonly traceparent?: string
  /** How many commands the trace has gone through to it, of processes and processors. Absent: none. */
  readonly hops?: number
  /** Who sent the command: a caller, or `process:…`, `processor:…` or `inbox:…`. */
  readonly actor?: string
  /** The caller whose command led to this one, where a process or a processor sent it. */
  readonly initiator?: string
  /** When an imported event happened, as RFC 3339, if that was before it came into the log. */
  readonly occurredAt?: string
  /**
   * Whether an import brought the event as history. Processes fold it and send nothing for it; processors and relays
   * pass it over.
   */
  readonly history?: true
  /** What the sender of the command has added, with `send(command, { meta })` or the option `meta` of the app. */
  readonly custom?: CustomMeta
}

/** An event in the log. `position` is its place in the log, `version` its place in its stream, 1..n. */
export type Recorded<E extends Event = Event> = E extends Event
  ? E & {
      readonly id: string
      readonly stream: string
      readonly instance: string
      readonly version: number
      readonly position: number
      readonly at: string
      readonly meta: Meta
    }
  : never

/** A stored payload survives JSON: its schema's output equals its input, and JSON can hold it. */
type Stable<Z extends z.ZodType> =
  IsStable<z.input<Z>, z.output<Z>> extends true ? unknown : Unstable<UnstableAt<z.input<Z>, z.output<Z>>>
type IsStable<In, Out> = [In, Out] extends [Out & JsonOnly<Out>, In] ? true : false
/** The compiler shows this text in its message. */
type Unstable<At> = At extends string ? `an event schema gives what it takes, and takes what JSON holds, but not at ${At}` : never
/** The fields that are not stable, with `*` for what a list or a record holds. */
type UnstableAt<In, Out, At extends string = '', Depth extends 0[] = []> =
  IsStable<In, Out> extends true ? never : OrHere<UnstableWithin<In, Out, At, [...Depth, 0]>, At>
type OrHere<Found, At extends string> = [Found] extends [never] ? (At extends '' ? '/' : At) : Found
type UnstableWithin<In, Out, At extends string, Depth extends 0[]> = Depth['length'] extends 6
  ? never
  : [Out, In] extends [readonly (infer O)[] | Nothing, readonly (infer I)[] | Nothing]
    ? UnstableAt<I, O, `${At}/*`, Depth>
    : [Out, In] extends [Fields, Fields]
      ? UnstableField<NonNullable<In>, NonNullable<Out>, At, Depth>
      : never
type UnstableField<In, Out, At extends string, Depth extends 0[]> = {
  [K in keyof Out & string]-?: UnstableAt<In[K & keyof In], Out[K], `${At}/${string extends K ? '*' : K}`, Depth>
}[keyof Out & string]
type Fields = { readonly [key: string]: unknown } | Nothing
type Nothing = null | undefined
/** Assignment to `PlainJson` accepts JSON of any depth, and is quick. Only a type with an unknown part is taken apart. */
export type JsonOnly<T> = T extends PlainJson
  ? T
  : unknown extends T
    ? T
    : T extends Lost
      ? never
      : { [K in keyof T]: JsonOnly<T[K]> }
type PlainJson = string | number | boolean | null | undefined | readonly PlainJson[] | { readonly [key: string]: PlainJson }
type Lost = bigint | symbol | Date | ReadonlyMap<never, unknown> | ReadonlySet<never> | ((...data: never) => unknown)

export type EventOf<C extends string, S extends Schemas> = { [T in keyof S & string]: Event<C, T, z.output<S[T]>> }[keyof S &
  string]
/**
 * The id of an event, a UUID in small letters, where its appender gives it. An append of an id that the log has from an
 * append is known again, and appends nothing. Default: a new id.
 */
type GivenId = { readonly id?: string }
/** What a function that makes an event knows of it, or one that makes a command. */
export type MakerSpec = { readonly kind: 'command' | 'event'; readonly schema: z.ZodType }
/** A function that makes events or commands of a schema. */
export type Maker<F> = F & { readonly [spec]: MakerSpec }

type Constructors<C extends string, S extends Schemas> = {
  readonly [T in keyof S & string]: Maker<(data: z.output<S[T]>, given?: GivenId) => Event<C, T, z.output<S[T]>>>
}

/** The successor of an old type: its new name, null for none, or several events, as `split` makes it. */
type OldType<C extends string, S extends Schemas> =
  | (keyof S & string)
  | null
  | { readonly from: z.ZodType; readonly into: (old: never, make: Constructors<C, S>) => readonly EventOf<C, S>[] }

/** A family as the framework runs it. */
export type EventsSpec = {
  readonly kind: 'events'
  readonly name: string
  readonly types: ReadonlyMap<string, Chain>
  readonly was: ReadonlyMap<string, Was>
}
/** The successor of an old type that is still in the log: another name, nothing, or several events. */
export type Was =
  | { readonly kind: 'renamed'; readonly to: string }
  | { readonly kind: 'retired' }
  | {
      readonly kind: 'split'
      readonly chain: Chain
      readonly into: (old: unknown) => readonly Event[]
      readonly source: () => unknown
    }

/** Any family. */
export type AnyEvents = { readonly [spec]: EventsSpec & { readonly category: string; readonly event: Event } }

/** A family of facts, with a constructor for each type. */
export type Events<C extends string, S extends Schemas> = Constructors<C, S> & {
  readonly [spec]: EventsSpec & { readonly category: C; readonly schemas: S; readonly event: EventOf<C, S> }
}

/**
 * Defines a family of facts: a category, and a schema for each type. Gives a typed constructor for each type.
 *
 * EVENT TYPES ARE THE STORED FORMAT. To change a payload, use `upcast`. To rename, retire or split a type, list the old
 * type in `was`: with its new name, with `null` to pass its events over, or with `split` to make several events of one.
 *
 * A schema's output equals its input: transform, default, coerce, date, bigint and their like do not compile, and throw
 * here.
 * A category is letters, digits and `_`, at most 63. It holds no `-`, because a stream is named `category-instance`. A constructor throws a TypeError when its
 * data does not fit, which names the event and the path.
 *
 * @example
 * const Order = events('order', { Placed: z.object({ customerId: z.string() }), Shipped: z.object({}) }, { was: { Sent: 'Shipped' } })
 * Order.Placed({ customerId: 'c1' }) // { category: 'order', type: 'Placed', data: { customerId: 'c1' } }
 */
export function events<const C extends string, S extends Schemas>(
  category: DefinitionName<C, 'family'>,
  schemas: S & { [T in keyof S]: Stable<S[T]> },
  options: { readonly was?: { readonly [type: string]: OldType<C, NoInfer<S>> } } = {},
): Events<C, S> {
  checkDefinitionName(`events('${category}')`, 'family', category)
  const types = new Map(Object.entries(schemas).map(([type, schema]) => [type, declareType(category, type, schema)]))
  const constructors = [...types].map(([type, { schema }]) => [
    type,
    Object.assign((data: unknown, given?: GivenId) => construct(category, type, schema, data, given?.id), {
      [spec]: { kind: 'event', schema } satisfies MakerSpec,
    }),
  ])
  const make: object = Object.assign(Object.create(null), Object.fromEntries(constructors))
  const was = new Map(
    Object.entries(options.was ?? {}).map(([type, old]) => [type, successorOf(category, types, make, type, old)]),
  )
  const chains = [...types.values(), ...[...was.values()].flatMap(old => (old.kind === 'split' ? [old.chain] : []))]
  noteSecretFields(chains.flatMap(schemasOf))
  const family: EventsSpec = { kind: 'events', name: category, types, was }
  // The mapped type describes the object that is built here from values.
  return Object.freeze(Object.assign(make, { [spec]: family })) as Events<C, S>
}

/**
 * For `was`: reads one old event as several of today's. `into` gets the constructors as an argument, because their
 * family is not complete yet.
 *
 * @example
 * was: { PaidAndShipped: split(z.object({ tracking: z.string() }), (old, order) => [order.Paid({}), order.Shipped(old)]) }
 */
export function split<Z extends z.ZodType, Make, E extends Event>(
  from: Z,
  into: (old: z.output<Z>, make: Make) => readonly E[],
): { readonly from: Z; readonly into: (old: z.output<Z>, make: Make) => readonly E[] } {
  return { from, into }
}

function declareType(category: string, type: string, schema: z.ZodType): Chain {
  if (!/^[A-Za-z][A-Za-z0-9_]{0,126}$/.test(type))
    throw new TypeError(`${category}.${type}: an event type is letters, digits and _`)
  const found = findUnstable(schema)
  if (found) throw new TypeError(`${category}.${type}: a stored payload survives JSON unchanged, but its schema at ${found}`)
  ofEvents.add(schema)
  return chain(schema)
}

function successorOf(
  category: string,
  types: ReadonlyMap<string, Chain>,
  make: object,
  type: string,
  old: string | null | { readonly from: z.ZodType; readonly into: (old: never, make: never) => readonly Event[] },
): Was {
  if (types.has(type)) throw new TypeError(`${category}.${type} is both a type of today and an old one in was`)
  if (old === null) return { kind: 'retired' }
  if (typeof old === 'object') {
    // `events` has checked that `into` takes the schema's output, and these constructors.
    const into = old.into as (old: unknown, make: object) => readonly Event[]
    return { kind: 'split', chain: chain(old.from), into: data => into(data, make), source: old.into as () => unknown }
  }
  if (!types.has(old)) throw new TypeError(`${category}.${type} was renamed to ${old}, which is no type of ${category}`)
  return { kind: 'renamed', to: old }
}

function construct(category: string, type: string, schema: z.ZodType, data: unknown, id?: string): Event {
  if (id !== undefined && !isUuid(id))
    throw new TypeError(`${category}.${type}: an id is a UUID in small letters; found ${Bun.inspect(id)}`)
  const event = {
    category,
    type,
    data: stripUndefined(isKnownToFit(schema, data) ? data : parse(`${category}.${type}`, schema, data)),
    ...(id !== undefined && { id }),
  }
  made.add(event)
  return event
}

function parse(name: string, schema: z.ZodType, data: unknown): unknown {
  const parsed = parseHidingSecrets(schema, data)
  if (!parsed.success) throw errorWithoutSecrets(new TypeError(`${name}: ${issuesText(parsed.error.issues)}`), data)
  return parsed.data
}

/**
 * Notes that a value fits the schema of an event, and freezes it (outside of production), so that it goes on fitting. A
 * command and its event often have one schema, and parsing the same twice takes a tenth of a command's time.
 */
export function rememberFit<T>(schema: z.ZodType, data: T): T {
  if (ofEvents.has(schema) && typeof data === 'object' && data !== null) fitted.set(freeze(data), schema)
  return data
}
const ofEvents = new WeakSet<z.ZodType>()
const fitted = new WeakMap<object, z.ZodType>()

function isKnownToFit(schema: z.ZodType, data: unknown): boolean {
  return typeof data === 'object' && data !== null && fitted.get(data) === schema
}

/** Events that a constructor made, so that their data fits. */
const made = new WeakSet<Event>()

/**
 * Gives an event whose data fits its schema: the same object if a constructor made it, else a new one. Throws a
 * TypeError if the data does not fit.
 */
export function checkEvent(family: EventsSpec, event: Event): Event {
  if (made.has(event)) return event
  // An event of the log is a new one where it is appended again.
  const id = 'position' in event ? undefined : event.id
  return construct(family.name, event.type, family.types.get(event.type)!.schema, event.data, id)
}

/** Formats issues as one line: `items.0.qty: expected number; …`. */
export function issuesText(issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]): string {
  return issues.map(({ path, message }) => (path.length ? `${path.map(String).join('.')}: ${message}` : message)).join('; ')
}
