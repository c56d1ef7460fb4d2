import type { z } from 'zod'
import type { spec } from '../event/events.ts'
import type { Schemas } from '../event/schema.ts'
import { namesAmong } from './names-among.ts'

/** An instance whose state a decision reads: its decider and its id. */
export type Instance<State = unknown> = readonly [
  decider: { readonly [spec]: { readonly name: string; readonly state: State } },
  id: string,
]
/** Instances by the names that `decide` has for them. */
export type Instances = Readonly<Record<string, Instance>>

/** What `reads` gets besides the data of a command. `self` names another instance of the same decider. */
export type Reading<State = unknown> = { readonly instance: string; readonly self: (id: string) => Instance<State> }

/** For some commands a function that names the instances which their decisions read. */
export type ReadsByCommand<C extends Schemas, State, R> = {
  readonly [N in keyof R]: (data: N extends keyof C ? z.output<C[N]> : never, reading: Reading<State>) => R[N]
}

/** The states that a decision read, by name; null for a command that reads none. */
export type StatesRead<R, N> = {
  readonly read: N extends keyof R ? { readonly [K in keyof R[N]]: R[N][K] extends Instance<infer S> ? S : never } : null
}

/** A function of `reads`, as the framework runs it. */
export type ReadInstances = (data: unknown, reading: Reading) => Instances

/** Checks the functions of `reads`. JavaScript callers get the check that TypeScript makes. */
export function compileReads(where: string, commands: readonly string[], given: object): ReadonlyMap<string, ReadInstances> {
  const found = new Map<string, ReadInstances>(Object.entries(given))
  namesAmong(where, commands, [...found.keys()])
  for (const [name, reads] of found) if (typeof reads !== 'function') throw new TypeError(`${where}: ${name} is no function`)
  return found
}
