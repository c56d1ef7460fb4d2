// Who asks, as rules of access see it.
import type { Claims } from './claims.ts'

/** A known caller. */
export type Caller = {
  /** The name that becomes `meta.actor`. */
  readonly id: string
  /** Default: nothing. */
  readonly claims: Claims
  /** When its credentials end, in ms since 1970. Null: they don't end. */
  readonly until: number | null
}

/** A caller as the option `actor` of an app may give it. */
export type GivenCaller = string | { readonly id: string; readonly claims?: Claims; readonly until?: Date | number | null }

/**
 * The caller that an app named. `claims`: what is known of it where the app names only its id. Without an `until` the
 * claim `exp` of a JSON Web Token counts, which is in s since 1970 (RFC 7519, 4.1.4).
 */
export function callerOf(given: GivenCaller, claims: Claims = {}): Caller {
  if (typeof given === 'string') return callerOf({ id: given, claims })
  const { id, claims: own = {}, until = expiryOf(own) } = given
  const ends = until instanceof Date ? until.getTime() : until
  if (ends !== null && !Number.isFinite(ends)) throw new TypeError('the option actor of the app gave an until that is no time')
  return { id, claims: own, until: ends }
}

function expiryOf({ exp }: Claims): number | null {
  return typeof exp === 'number' ? exp * 1_000 : null
}
