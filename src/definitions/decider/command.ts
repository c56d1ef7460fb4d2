import type { z } from 'zod'
import { type MakerSpec, spec } from '../event/events.ts'
import { canonicalText } from '../event/payload.ts'

/** An order to one instance of a decider, as data. Nothing happens until it is sent. */
export type Command<D extends string = string, N extends string = string, X = unknown> = {
  readonly decider: D
  readonly command: N
  readonly id: string
  readonly data: X
}

/**
 * A hash of a command as the caller gave it, before its schema parsed it. `idGiven`: the caller chose the id, so it
 * counts.
 */
export function fingerprintOf({ decider, command, id, data }: Command, idGiven: boolean): string {
  const said = canonicalText(idGiven ? [decider, command, id, data] : [decider, command, data])
  return new Bun.CryptoHasher('sha256').update(said).digest('base64url')
}

/** A hash of commands that are sent as one: of each of them, in order. */
export function fingerprintOfAll(commands: readonly Command[], idGiven: boolean): string {
  const [first = '', ...more] = commands.map(command => fingerprintOf(command, idGiven))
  return more.length === 0 ? first : new Bun.CryptoHasher('sha256').update([first, ...more].join(' ')).digest('base64url')
}

/**
 * For each name, a function that makes a command of that name, and that knows its names, its schema, and whether it is
 * internal.
 */
export function commands(
  decider: string,
  schemas: ReadonlyMap<string, z.ZodType>,
  internal: ReadonlySet<string> = new Set(),
): Record<string, (id: string, data: unknown) => Command> {
  for (const name of schemas.keys()) {
    if (!/^[a-z][A-Za-z0-9_]{0,62}$/.test(name))
      throw new TypeError(`${decider}.${name}: a command name begins with a small letter and has only letters, digits and _`)
  }
  const make = (command: string, schema: z.ZodType) =>
    Object.assign((id: string, data: unknown): Command => ({ decider, command, id, data }), {
      [spec]: { kind: 'command', schema } satisfies MakerSpec,
      decider,
      command,
      isInternal: internal.has(command),
    })
  return Object.assign(Object.create(null), Object.fromEntries([...schemas].map(([name, schema]) => [name, make(name, schema)])))
}
