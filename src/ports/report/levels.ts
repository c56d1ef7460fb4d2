// Which records are taken: from a level on, with another level for some codes.
import { isAtLeast, type Level, LEVELS } from './record.ts'

type Least = Level | 'off'

/** The least level that is taken, and that of records whose code is, or begins with, a name. */
export type Levels = { readonly least: Level; readonly byCode: readonly (readonly [name: string, least: Least])[] }

export const DEFAULT_LEVELS: Levels = { least: 'info', byCode: [] }
export const LEVELS_EXPECTED: string = `expected one of ${LEVELS.join(', ')}, and then perhaps levels of codes, such as info,request=off,retry=error`

/** Reads levels: `info,command=debug,retry-began=error`. Null: the text is none. The longest name counts. */
export function parseLevels(text: string): Levels | null {
  const [least = '', ...others] = text.split(',').map(part => part.trim())
  const byCode = others.map(other => /^([a-z]+(?:-[a-z]+)*)=([a-z]+)$/.exec(other)?.slice(1))
  if (!isLevel(least) || !byCode.every(isEntry)) return null
  return { least, byCode: byCode.toSorted(([one], [other]) => other.length - one.length) }
}

/** Whether records of a level and a code are taken. `retry` names all codes that begin with `retry-`. */
export function isTaken({ least, byCode }: Levels, level: Level, code: string): boolean {
  const own = byCode.find(([name]) => code === name || code.startsWith(`${name}-`))?.[1] ?? least
  return own !== 'off' && isAtLeast(level, own)
}

function isLevel(text: string): text is Level {
  return LEVELS.some(level => level === text)
}

function isEntry(entry: readonly string[] | undefined): entry is [string, Least] {
  return entry !== undefined && (isLevel(entry[1]!) || entry[1] === 'off')
}
