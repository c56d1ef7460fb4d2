import { canonical } from '../event/payload.ts'

/** An order to one instance of a decider, as data: nothing happens until it is sent. */
export type Command<D extends string = string, N extends string = string, X = unknown> = {
  readonly decider: D
  readonly command: N
  readonly id: string
  readonly data: X
}

/** A short name for a command as it was said, before its schema made anything of it. `idGiven`: the id is a part of what was said. */
export function fingerprintOf({ decider, command, id, data }: Command, idGiven: boolean): string {
  const said = canonical(idGiven ? [decider, command, id, data] : [decider, command, data])
  return new Bun.CryptoHasher('sha256').update(said).digest('base64url')
}

/** For each name a function that makes a command. */
export function commands(decider: string, names: readonly string[]): Record<string, (id: string, data: unknown) => Command> {
  for (const name of names) {
    if (!/^[a-z][A-Za-z0-9_]{0,62}$/.test(name))
      throw new TypeError(`${decider}.${name}: a command begins with a small letter and holds letters, digits and _`)
  }
  const make = (command: string) =>
    Object.assign((id: string, data: unknown): Command => ({ decider, command, id, data }), { decider, command })
  return Object.assign(Object.create(null), Object.fromEntries(names.map(name => [name, make(name)])))
}

/** The longest id of an instance, in UTF-16 units. */
export const ID_LENGTH_MAX = 200

/** What is wrong with the id of an instance; null when nothing is. */
export function idProblem(id: unknown): string | null {
  if (typeof id !== 'string' || id === '') return 'an id is a text that is not empty'
  if (id.length > ID_LENGTH_MAX) return `an id has at most ${ID_LENGTH_MAX} characters`
  return id.includes('\0') || !id.isWellFormed() ? 'an id holds no NUL and no lone surrogate' : null
}
