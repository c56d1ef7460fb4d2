// What answers say to caches that are not ours. Browsers ask each time, which a 304 makes cheap, as nobody can purge them; a CDN keeps an
// answer until its time is over or one of its tags is purged.
import { encodeTag } from '../../src/ports/cache/tags.ts'
import type { Policy } from '../../src/query/fill.ts'

export type CacheHeadersOptions = {
  readonly policy: Pick<Policy, 'ttlMs' | 'staleMs'>
  readonly tags: readonly string[]
  readonly position: number
  /** How old the answer is already. Default: 0. */
  readonly ageMs?: number
  /** Whether it is the same for everybody. Default: false, and then no shared cache keeps it. */
  readonly isPublic?: boolean
}

/**
 * The headers of a cached answer.
 *
 * `CDN-Cache-Control` (RFC 9213) holds the policy, `Surrogate-Key` (Fastly, and Varnish by `varnish.vcl`) and `Cache-Tag` (Cloudflare) the
 * tags, as `encodeTag` writes them. With more tags than fit into a header no CDN may keep it, as a purge would not reach it.
 */
export function cacheHeaders(options: CacheHeadersOptions): Readonly<Record<string, string>> {
  const { policy, tags, position, ageMs = 0, isPublic = false } = options
  const base = { 'Event-Position': `${position}`, Age: seconds(ageMs) }
  if (!isPublic) return { ...base, 'Cache-Control': 'private, no-cache' }
  const asked = { ...base, 'Cache-Control': 'public, max-age=0, must-revalidate' }
  const written = [...new Set(tags.map(encodeTag))]
  if (written.join().length > TAGS_BYTES_MAX) return { ...asked, 'CDN-Cache-Control': 'no-store' }
  const times = [
    `max-age=${seconds(policy.ttlMs)}`,
    ...(policy.staleMs > 0 ? [`stale-while-revalidate=${seconds(policy.staleMs)}`] : []),
  ]
  const kept = { ...asked, 'CDN-Cache-Control': times.join(', ') }
  return written.length ? { ...kept, 'Surrogate-Key': written.join(' '), 'Cache-Tag': written.join(',') } : kept
}

/** Whole ones, and never more than there are, as `Age` and `max-age` take them. */
export const seconds = (ms: number): string => `${Math.max(0, Math.floor(ms / 1_000))}`

/** Half of what Varnish takes for one header, and a quarter of what Fastly and Cloudflare take. */
const TAGS_BYTES_MAX = 4_096
