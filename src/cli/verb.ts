// The shape of a verb: a file of its own in this folder, and a row in verbs.ts.
import type { App } from '../../routes/app.ts'
import type { Site } from '../../routes/site.ts'
import type { Config } from '../config.ts'
import type { Served } from '../definitions/definition.ts'
import type { Store } from '../ports/store/store.ts'
import type { ImportMaps } from './import-maps.ts'

/** The values of the given options, by name. */
export type Values = Readonly<Record<string, string | boolean | undefined>>

/** The input of a verb: the app, what is served and where the app is in it, its definitions, the configuration, its own words and options. */
export type Call = {
  readonly app: App
  readonly site: Site
  readonly base: string
  readonly serve: readonly Served[]
  readonly store?: Store | undefined
  readonly config: Config
  readonly words: readonly string[]
  readonly json: boolean
  readonly values: Values
  readonly maps: ImportMaps
}

/** An option. `takes` names its value; an option without it is a flag. */
export type Option = { readonly takes?: string; readonly does: string }

export type Verb = {
  /** Its words, for the usage. Default: it takes none. */
  readonly takes?: string
  readonly does: string
  /** Its own options. An option of one name takes a value in all verbs, or in none. */
  readonly options?: Readonly<Record<string, Option>>
  /** Whether --json gives its result as JSON. */
  readonly json?: true
  /** Gives the exit code. */
  readonly run: (call: Call) => Promise<number>
}

export type ToolCall = Pick<Call, 'words' | 'values' | 'json'>

/** A verb of `emaki` that needs no app. */
export type Tool = Omit<Verb, 'run'> & { readonly run: (call: ToolCall) => Promise<number> }

/** The wrong use of a verb. The message is printed. */
export class Misused extends Error {}

/** The value of an option that takes a text. */
export function textOf(values: Values, option: string): string | undefined {
  const value = values[option]
  return typeof value === 'string' ? value : undefined
}

/** The value of an option that takes a whole number, at least `least`. */
export function numberOf(values: Values, option: string, least: number): number | undefined {
  const text = textOf(values, option)
  if (text === undefined) return undefined
  if (!/^(0|[1-9][0-9]{0,14})$/.test(text) || Number(text) < least)
    throw new Misused(`--${option} takes a whole number from ${least}; found ${text}`)
  return Number(text)
}
