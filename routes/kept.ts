// Answers that this process keeps, by the query strings that ask for them. What a string asks for is read once and headers are made once
// for an answer; whether it is still good is asked of the cache each time.
import type { Context, Handler } from 'hono'
import { LRUCache } from 'lru-cache'
import type { Entry } from '../src/cache/cache.ts'
import type { Kept } from '../src/cache/fill.ts'
import { seconds } from '../src/cache/headers.ts'
import type { Runtime } from '../src/runtime.ts'
import { identify, SECURE_HEADERS } from './default-headers.ts'
import { tagged } from './etag.ts'
import { MIN_POSITION, searchOf } from './parameters.ts'

type HeadersOf = (emaki: Runtime, kept: Kept) => Readonly<Record<string, string>>

export class KeptAnswers {
  readonly #headersOf: HeadersOf
  readonly #made = new WeakMap<Entry, Headers>()
  /** Keys of answers, by query string. They name the tables that serve. */
  readonly #keys = new LRUCache<string, string>({ maxSize: KEYS_BYTES_MAX, sizeCalculation: bytes })
  #tables = ''

  constructor(headersOf: HeadersOf) {
    this.#headersOf = headersOf
  }

  /** What it takes to remember query strings. */
  get bytes(): number {
    return this.#keys.calculatedSize
  }

  /** Remembers what a query string asks for. That must not depend on anything else, such as the time. */
  remember(search: string, key: string): void {
    this.#keys.set(search, key)
  }

  /**
   * Answers at once what can be, and leaves all else to who comes next. It is to be the first handler of its path, as each that waits for
   * the next costs as much as all that is done here. So it gives the headers that a middleware gives other answers.
   */
  handler(running: () => Runtime | null): Handler {
    return (c, next) => this.#answer(c, running()) ?? next()
  }

  #answer(c: Context, emaki: Runtime | null): Response | null {
    if (!emaki || isUnusual(c)) return null
    const key = this.#keyOf(searchOf(c), emaki.subscriptions.tables)
    const kept = key === undefined ? null : emaki.answers.kept(key)
    if (!kept || tagged(c, kept.entry.etag)) return null
    // The answer takes a copy, so that what is set here is its own.
    const headers = this.#headers(emaki, kept)
    headers.set('Age', seconds(kept.ageMs))
    headers.set('X-Request-Id', identify(c))
    return new Response(kept.entry.body, { headers })
  }

  /** To remember a key is a microsecond cheaper than to write it. When other tables serve, all are to be written anew. */
  #keyOf(search: string, tables: string): string | undefined {
    if (tables !== this.#tables) this.#keys.clear()
    this.#tables = tables
    return this.#keys.get(search)
  }

  #headers(emaki: Runtime, kept: Kept): Headers {
    const known = this.#made.get(kept.entry)
    if (known) return known
    const made = new Headers({ ...SECURE_HEADERS, ...this.#headersOf(emaki, kept), 'Content-Type': 'application/json' })
    this.#made.set(kept.entry, made)
    return made
  }
}

/**
 * Whether more is asked for than a query string says, or the URL or the body may be refused, or middleware before us, where there is any, has
 * set headers, which Hono's helpers add to what they answer.
 */
function isUnusual(c: Context): boolean {
  const { raw } = c.req
  return (
    c.req.header(MIN_POSITION) !== undefined ||
    raw.url.startsWith('/') ||
    raw.body !== null ||
    (c.req.routeIndex > 0 && c.body(null).headers.count > 0)
  )
}

/** About what a query string and its key take: two bytes a character, and the objects around them. */
function bytes(key: string, search: string): number {
  return 2 * (search.length + key.length) + KEY_BYTES
}

const KEY_BYTES = 128
const KEYS_BYTES_MAX = 4 * 1_048_576
