import { HANG_MS, until } from '../../../test-support/servers/until.ts'

/** How long a race waits for what has to come at last, in ms. It costs nothing where all is well. */
export const PATIENCE_MS = HANG_MS

/** Deadlines of stores of which none is meant to be missed: where one is, a race learns that the machine was busy, and nothing else. */
export const UNHURRIED = { deadlineMs: 40_000, lockTimeoutMs: 20_000 } as const

/** Waits for what has to come at last. */
export function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  return until(what, condition)
}
