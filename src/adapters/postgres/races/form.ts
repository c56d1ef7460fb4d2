// The suite has two forms: the quick one is run by CI, the long one (RACES=long) by whoever changes what it tests.
import { test } from 'bun:test'
import { type Random, random } from './random.ts'

export const isLong: boolean = process.env['RACES'] === 'long'
/** RACES_SEED=n runs the schedules of a failure again; what the machine makes of them is not in our hands. */
export const seed: number = Number(process.env['RACES_SEED'] ?? Math.floor(Math.random() * 1_000_000))

/** What to take in the quick form, and in the long one. */
export function form<T>(quick: T, long: T): T {
  return isLong ? long : quick
}

/** When a race is given up, in ms: beyond all that it waits for by itself, which says what it was. */
const RACE_MAX_MS: number = form(900_000, 3_600_000)

/** A test with a random source of its own, whose failure says from which seed. */
export function race(title: string, run: (random: Random) => Promise<void>): void {
  test(
    title,
    async () => {
      try {
        await run(random(`${seed} ${title}`))
      } catch (error) {
        throw new Error(`with RACES_SEED=${seed}${isLong ? ' RACES=long' : ''}: ${messageOf(error)}`, { cause: error })
      }
    },
    RACE_MAX_MS,
  )
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
