import { parseArgs } from 'node:util'
import type { Plan } from './duel.ts'

export type Options = {
  /** Null: all. */
  readonly cells: ReadonlySet<string> | null
  readonly variants: ReadonlySet<string> | null
  readonly systems: readonly string[] | null
  /** The measured time a row, in seconds; null: as long as the full run takes. */
  readonly seconds: number | null
  readonly json: string | null
}

const SECONDS = 10

/** `--cells W1,W2 --variants 64,256 --systems emaki,emmett --seconds 3 --json FILE`; what is not given is not narrowed. */
export function optionsOf(args: string[]): Options {
  const text = { type: 'string' } as const
  const { values } = parseArgs({ args, options: { cells: text, variants: text, systems: text, seconds: text, json: text } })
  const seconds = values.seconds === undefined ? null : Number(values.seconds)
  if (seconds !== null && !(seconds > 0)) throw new TypeError(`--seconds ${values.seconds}: expected a number above 0`)
  return {
    cells: set(values.cells),
    variants: set(values.variants),
    systems: values.systems?.split(',') ?? null,
    seconds,
    json: values.json ?? null,
  }
}

/** The whole run has five repetitions after 3 s of warm-up, a shortened one three after 1 s. */
export function planOf({ seconds }: Options): Plan {
  const repetitions = seconds === null ? 5 : 3
  return {
    repetitions,
    warmUpMs: seconds === null ? 3_000 : 1_000,
    settleMs: seconds === null ? 2_000 : 200,
    sliceMs: ((seconds ?? SECONDS) * 1_000) / repetitions,
  }
}

/** Whether a system is asked for: by its package's name or a part of it, such as `emmett`. */
export function isAsked(systems: Options['systems'], system: string): boolean {
  return systems === null || systems.some(name => system.includes(name))
}

function set(list: string | undefined): ReadonlySet<string> | null {
  return list === undefined ? null : new Set(list.split(','))
}
