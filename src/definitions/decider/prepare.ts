import type { z } from 'zod'
import type { Misnamed } from '../event/misnamed.ts'
import type { Schemas } from '../event/schema.ts'
import { namesAmong } from './names-among.ts'

/** What the preparation of a command gets besides its data. `signal` aborts when nobody waits for the command any more. */
export type Preparing = { readonly instance: string; readonly actor: string | null; readonly signal: AbortSignal }

/** For some commands a function that fetches what their decisions need. `P` has what each of them fetches. */
export type Preparations<C extends Schemas, P> = {
  readonly [N in keyof P]: (data: N extends keyof C ? z.output<C[N]> : never, preparing: Preparing) => Promise<P[N]>
}

/** Says which names of preparations are no commands. */
export type OnlyCommands<P, C extends Schemas> = {
  readonly [N in keyof P]: N extends keyof C ? unknown : Misnamed<'command', N, keyof C>
}

/** What was fetched for a command; null for one without a preparation. */
export type Prepared<P, N> = { readonly prepared: N extends keyof P ? P[N] : null }

/** A preparation as the framework runs it. */
export type Prepare = (data: unknown, preparing: Preparing) => Promise<unknown>

/** Checks the preparations of a decider. JavaScript callers get the check that TypeScript makes. */
export function compilePreparations(where: string, commands: readonly string[], given: object): ReadonlyMap<string, Prepare> {
  const found = new Map<string, Prepare>(Object.entries(given))
  namesAmong(where, commands, [...found.keys()])
  for (const [name, prepare] of found) if (typeof prepare !== 'function') throw new TypeError(`${where}: ${name} is no function`)
  return found
}
