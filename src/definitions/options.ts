// What the options of a definition take. TypeScript refuses most others; JavaScript callers, and casts, need the check.
import { spec } from './event/events.ts'
import { describeNames } from './nearest-name.ts'

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isText = (value: unknown): boolean => typeof value === 'string'
const isSchema = (value: unknown): boolean => isObject(value) && typeof value['safeParse'] === 'function'
const specOf = (value: unknown): { readonly kind?: unknown; readonly types?: unknown } =>
  (value as { readonly [spec]?: object } | null | undefined)?.[spec] ?? {}
const oneOrSeveral = (value: unknown, is: (one: unknown) => boolean): boolean => [value].flat().every(is)

type Kind =
  | 'any'
  | 'boolean'
  | 'number'
  | 'text'
  | 'texts'
  | 'list'
  | 'function'
  | 'functions'
  | 'object'
  | 'schema'
  | 'schemas'
  | 'families'
  | 'deciders'
  | 'projections'
/** The kinds of values, each with what it takes in words. */
const KINDS: Readonly<Record<Kind, readonly [text: string, is: (value: unknown) => boolean]>> = {
  any: ['a value', () => true],
  boolean: ['true or false', value => typeof value === 'boolean'],
  number: ['a number', value => typeof value === 'number'],
  text: ['a text', isText],
  texts: ['a list of texts', value => Array.isArray(value) && value.every(isText)],
  list: ['a list', Array.isArray],
  function: ['a function', value => typeof value === 'function'],
  functions: ['functions by name', isObject],
  object: ['an object', isObject],
  schema: ['a zod schema', isSchema],
  schemas: ['zod schemas by name', value => isObject(value) && Object.values(value).every(isSchema)],
  families: ['what events() gives, once or in a list', value => oneOrSeveral(value, one => specOf(one).types instanceof Map)],
  deciders: ['a decider, or a list of them', value => oneOrSeveral(value, one => specOf(one).kind === 'decider')],
  projections: ['a projection, or a list of them', value => oneOrSeveral(value, one => specOf(one).kind === 'projection')],
}

/** The kind of a value. With a question mark it may be left out. */
export type OptionKind = Kind | `${Kind}?`
/** A kind for each option, so that none is forgotten. */
export type OptionKinds<Names extends string> = Readonly<Record<Names, OptionKind>>

/** The options of a runtime, which are among those of an app, too. */
export const RUNTIME_OPTIONS: OptionKinds<
  | 'serve'
  | 'store'
  | 'states'
  | 'queue'
  | 'bus'
  | 'trace'
  | 'now'
  | 'cache'
  | 'cdn'
  | 'leaseMs'
  | 'shutdownGraceMs'
  | 'unreadableEvents'
  | 'refusals'
  | 'report'
> = {
  serve: 'list',
  store: 'any?',
  states: 'any?',
  queue: 'any?',
  bus: 'any?',
  trace: 'any?',
  now: 'function?',
  cache: 'function?',
  cdn: 'any?',
  leaseMs: 'number?',
  shutdownGraceMs: 'number?',
  unreadableEvents: 'text?',
  refusals: 'boolean?',
  report: 'function?',
}

/** Refuses an option that there is not, with the nearest one, and a value of another kind. An undefined one is left out. */
export function checkOptions(where: string, options: unknown, kinds: OptionKinds<string>): void {
  if (!isObject(options)) throw new TypeError(`${where} takes an object of options, found ${show(options)}`)
  const names = Object.keys(kinds)
  const unknown = Object.keys(options).find(name => !names.includes(name))
  if (unknown !== undefined) throw new TypeError(`${where} has no option ${unknown}; ${describeNames(unknown, names)}`)
  for (const [name, kind] of Object.entries<OptionKind>(kinds))
    if (options[name] !== undefined || !kind.endsWith('?')) checkKind(`${where}: ${name}`, options[name], kind)
}

/** Refuses a value of another kind. */
export function checkKind(where: string, value: unknown, kind: OptionKind): void {
  const [text, is] = KINDS[kind.replace('?', '') as Kind]
  if (!is(value)) throw new TypeError(`${where} takes ${text}, found ${show(value)}`)
}

const SHOWN_MAX = 80
function show(value: unknown): string {
  return Bun.inspect(value).slice(0, SHOWN_MAX)
}
