// The cached answers of a query, by query string. A query string is parsed once, and the headers of an answer are made
// once. The cache tells each time whether the answer is still fresh.
import type { Context, Handler } from 'hono'
import { LRUCache } from 'lru-cache'
import type { Entry } from '../../src/ports/cache/cache.ts'
import type { FreshEntry } from '../../src/query/fill.ts'
import { seconds } from '../http/cache-headers.ts'
import type { Services } from '../../src/runtime.ts'
import { identify, SECURE_HEADERS } from '../http/default-headers.ts'
import { hasETag } from '../http/etag.ts'
import { hasSecondHost } from '../http/headers.ts'
import { MIN_POSITION, searchOf } from '../http/parameters.ts'

type HeadersOf = (emaki: Services, fresh: FreshEntry) => Readonly<Record<string, string>>

export class CachedAnswers {
  readonly #query: string
  readonly #headersOf: HeadersOf
  readonly #headersByEntry = new WeakMap<Entry, Headers>()
  /** The keys of answers, by query string. A key contains the names of the tables that serve. */
  readonly #keys = new LRUCache<string, string>({ maxSize: KEYS_BYTES_MAX, sizeCalculation: bytes })
  #tables = ''

  /** `query`: the name of the query that it answers. */
  constructor(query: string, headersOf: HeadersOf) {
    this.#query = query
    this.#headersOf = headersOf
  }

  /** The memory that the query strings take, in bytes. */
  get bytes(): number {
    return this.#keys.calculatedSize
  }

  /** Remembers the key of the answer to a query string. The key must not depend on anything else, such as the time. */
  remember(search: string, key: string): void {
    this.#keys.set(search, key)
  }

  /**
   * Makes a handler that gives a fresh answer at once, and passes other requests to the next handler. Mount it first on
   * its path: a middleware that waits for the next handler would cost as much as this whole handler. So it sets the
   * default headers itself.
   */
  handler(servicesNow: () => Services | null): Handler {
    return (c, next) => this.answer(c, servicesNow()) ?? next()
  }

  /** Gives a fresh answer at once; null: another handler has to make it. */
  answer(c: Context, emaki: Services | null): Response | null {
    if (!emaki || isUnusual(c)) return null
    const key = this.#keyOf(searchOf(c), emaki.subscriptions.tables)
    const fresh = key === undefined ? null : emaki.queryAnswers.getCached(this.#query, key)
    if (!fresh || hasETag(c, fresh.entry.etag)) return null
    // The Response copies the headers, because each answer has its own Age and X-Request-Id.
    const headers = this.#headers(emaki, fresh)
    headers.set('Age', seconds(fresh.ageMs))
    headers.set('X-Request-Id', identify(c))
    return new Response(fresh.entry.body, { headers })
  }

  /**
   * Finds a remembered key, which is a microsecond cheaper than making one. When other tables serve, all keys are new.
   */
  #keyOf(search: string, tables: string): string | undefined {
    if (tables !== this.#tables) this.#keys.clear()
    this.#tables = tables
    return this.#keys.get(search)
  }

  #headers(emaki: Services, fresh: FreshEntry): Headers {
    const known = this.#headersByEntry.get(fresh.entry)
    if (known) return known
    const headers = new Headers({ ...SECURE_HEADERS, ...this.#headersOf(emaki, fresh), 'Content-Type': 'application/json' })
    this.#headersByEntry.set(fresh.entry, headers)
    return headers
  }
}

/**
 * Whether a request needs the other handlers: it asks for a position or has a preference, its URL or body may be refused, or
 * earlier middleware has set headers, which only Hono's helpers add to an answer.
 */
function isUnusual(c: Context): boolean {
  const { raw } = c.req
  return (
    c.req.header(MIN_POSITION) !== undefined ||
    c.req.header('prefer') !== undefined ||
    raw.url.startsWith('/') ||
    hasSecondHost(c) ||
    raw.body !== null ||
    (c.req.routeIndex > 0 && c.body(null).headers.count > 0)
  )
}

/** The approximate memory of a query string and its key: two bytes a character, and the objects around them. */
function bytes(key: string, search: string): number {
  return 2 * (search.length + key.length) + KEY_BYTES
}

const KEY_BYTES = 128
const KEYS_BYTES_MAX = 4 * 1_048_576
