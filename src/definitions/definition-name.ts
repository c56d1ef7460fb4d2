// The rules for the names of definitions. The compiler and the load refuse a wrong name with the same sentence.
import { type CATEGORY_LENGTH_MAX, isCategory } from './event/stream-name.ts'

/**
 * The rules, by what may stand between the words of a name. A stream is named `name-key`, so its first part has no `-`.
 * A family is named as its events are in the log, which may be older than the rule for other names.
 */
const RULES = {
  '-': 'a name is small letters, digits and -, begins with a letter, and has at most 40 characters',
  _: 'a name is small letters, digits and _, begins with a letter, and has at most 40 characters, as its streams are named name-key',
  measure: 'the name of a measure is small letters, digits and _, begins with a letter, and has at most 40 characters',
  family:
    'the name of a family is letters, digits and _, begins with a letter, and has at most 63 characters, as its streams are named name-key',
} as const
type Kind = keyof typeof RULES
const LENGTH_MAX = 40

/** Throws a TypeError for a name that no definition can have. `_`: its streams are named for it. */
export function checkDefinitionName(where: string, kind: Kind, name: string): void {
  if (typeof name !== 'string' || !(kind === 'family' ? isCategory(name) : isName(kind, name)))
    throw new TypeError(`${where}: ${RULES[kind]}`)
}

function isName(joint: Exclude<Kind, 'family'>, name: string): boolean {
  return name.length <= LENGTH_MAX && /^[a-z][a-z0-9_-]*$/.test(name) && !name.includes(joint === '-' ? '_' : '-')
}

/** A name as it was written, unless it is wrong. A name that is not known yet is checked when it comes. */
export type DefinitionName<N extends string, K extends Kind> = string extends N
  ? N
  : IsName<N, K> extends true
    ? N
    : (typeof RULES)[K]
type IsName<N, K extends Kind> = K extends 'family'
  ? IsMadeOf<N, Letter | Uppercase<Letter>, Digit | '_', typeof CATEGORY_LENGTH_MAX>
  : IsMadeOf<N, Letter, Digit | (K extends '-' ? '-' : '_'), typeof LENGTH_MAX>
/** Whether a text begins with a letter, and goes on with letters and others. */
type IsMadeOf<Text, L extends string, Other extends string, Max extends number> = Text extends `${infer First}${infer Rest}`
  ? First extends L
    ? GoesOn<Rest, L | Other, Max>
    : false
  : false
type GoesOn<
  Text,
  Character extends string,
  Max extends number,
  Length extends 0[] = [0],
> = Text extends `${infer First}${infer Rest}`
  ? First extends Character
    ? Length['length'] extends Max
      ? false
      : GoesOn<Rest, Character, Max, [...Length, 0]>
    : false
  : true
type Letter =
  | 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm'
  | 'n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z' // biome-ignore format: one list
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'
