// An explanation of why something stands still: one sentence, who blocks whom, since when, and what mends it.
import type { DatabaseSession } from '../ports/store/waits.ts'

/** Causes by their stable names. They are values of a metric, so there are few. */
export const CAUSES = [
  'lock-own',
  'lock-foreign',
  'lock-chain',
  'lock-idle',
  'lock-unread',
  'standby',
  'disk',
  'store',
  'pool',
  'event-loop',
  'cpu',
  'deaf',
  'wal',
  'restored',
  'nobody',
  'dead-owner',
  'paused',
  'parked',
  'retry',
  'rebuild',
  'handler',
] as const

export type StallCause = (typeof CAUSES)[number]

export type Stall = {
  readonly cause: StallCause
  /** What stands still: `log`, `process`, or the name of a subscription or a schedule. */
  readonly subject: string
  /** What stands still and why, as one sentence. */
  readonly sentence: string
  /** Since when, in RFC 3339. Null: nobody knows. */
  readonly since: string | null
  /** What mends it: an act, and the command for it. */
  readonly mend: string
  /** Who blocks whom: first the session that all others wait for. Empty: no session does. */
  readonly chain: readonly DatabaseSession[]
}

/** The time so many ms before another, in RFC 3339. */
export function timeBefore(now: number, ms: number): string {
  return new Date(now - ms).toISOString()
}

/** A time for people: `250 ms`, `1.7 s`, `12 min`, `3 h`. */
export function formatMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}
