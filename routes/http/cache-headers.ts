// The headers that tell other caches what to do. Nobody can purge a browser, so a browser asks each time, and a 304
// makes that cheap.
// A CDN keeps an answer until its time is over or one of its tags is purged.
import { encodeTag } from '../../src/ports/cache/tags.ts'
import type { Policy } from '../../src/query/fill.ts'

export type CacheHeadersOptions = {
  readonly policy: Pick<Policy, 'ttlMs' | 'staleMs'>
  readonly tags: readonly string[]
  readonly position: number
  /** The age of the answer, in ms. Default: 0. */
  readonly ageMs?: number
  /** Whether the answer is the same for everybody. Default: false, and then no shared cache keeps it. */
  readonly isPublic?: boolean
}

/**
 * The headers of a cached answer.
 *
 * `CDN-Cache-Control` (RFC 9213) holds the policy. `Surrogate-Key` (Fastly, and Varnish by `varnish.vcl`) and
 * `Cache-Tag` (Cloudflare) hold the tags, as `encodeTag` writes them.
 * If the tags do not fit into a header, no CDN may keep the answer: a purge would not reach it.
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

/** Whole seconds, rounded down and at least 0, as `Age` and `max-age` need them. */
export const seconds = (ms: number): string => `${Math.max(0, Math.floor(ms / 1_000))}`

/** Varnish accepts twice as much in one header; Fastly and Cloudflare accept four times as much. */
const TAGS_BYTES_MAX = 4_096
