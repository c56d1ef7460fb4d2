// One rule for the names of definitions. The compiler and the load refuse a wrong name with the same sentence.

/** The rule, by what may stand between the words of a name. A stream is named `name-key`, so its first part has no `-`. */
const RULES = {
  '-': 'a name is small letters, digits and -, begins with a letter, and has at most 40 characters',
  _: 'a name is small letters, digits and _, begins with a letter, and has at most 40 characters, as its streams are named name-key',
} as const
type Joint = keyof typeof RULES
const LENGTH_MAX = 40

/** Throws a TypeError for a name that no definition can have. `_`: its streams are named for it. */
export function checkDefinitionName(where: string, joint: Joint, name: string): void {
  const isName = typeof name === 'string' && name.length <= LENGTH_MAX && /^[a-z][a-z0-9_-]*$/.test(name)
  if (!isName || name.includes(joint === '-' ? '_' : '-')) throw new TypeError(`${where}: ${RULES[joint]}`)
}

/** A name as it was written, unless it is wrong. A name that is not known yet is checked when it comes. */
export type DefinitionName<N extends string, J extends Joint> = string extends N
  ? N
  : IsName<N, J> extends true
    ? N
    : (typeof RULES)[J]
type IsName<N, J extends Joint> = N extends `${infer First}${infer Rest}`
  ? First extends Letter
    ? IsMadeOf<Rest, Letter | Digit | J>
    : false
  : false
type IsMadeOf<Text, Character extends string, Length extends 0[] = [0]> = Text extends `${infer First}${infer Rest}`
  ? First extends Character
    ? Length['length'] extends typeof LENGTH_MAX
      ? false
      : IsMadeOf<Rest, Character, [...Length, 0]>
    : false
  : true
type Letter =
  | 'a' | 'b' | 'c' | 'd' | 'e' | 'f' | 'g' | 'h' | 'i' | 'j' | 'k' | 'l' | 'm'
  | 'n' | 'o' | 'p' | 'q' | 'r' | 's' | 't' | 'u' | 'v' | 'w' | 'x' | 'y' | 'z' // biome-ignore format: one list
type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9'
