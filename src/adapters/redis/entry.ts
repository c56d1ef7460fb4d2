// An entry in Redis: a line of JSON, which Lua reads, and the body.
import type { Entry } from '../../ports/cache/cache.ts'

export function writeEntry({ body, ...head }: Entry): string {
  return `${JSON.stringify({ ...head, length: body.length })}\n${body}`
}

/** Parses an entry. Null if it is not an entry, or not a whole one. */
export function parseEntry(value: unknown): Entry | null {
  if (typeof value !== 'string') return null
  const cut = value.indexOf('\n')
  const body = value.slice(cut + 1)
  const head = cut < 0 ? null : json(value.slice(0, cut))
  if (typeof head !== 'object' || head === null) return null
  const { position, builtAt, freshUntil, staleUntil, etag, tags, length } = head as Readonly<Record<string, unknown>> // An object of any shape.
  if (length !== body.length || !isNumber(position) || !isNumber(builtAt) || !isNumber(freshUntil) || !isNumber(staleUntil))
    return null
  if (typeof etag !== 'string' || !Array.isArray(tags) || !tags.every(tag => typeof tag === 'string')) return null
  return { body, etag, position, tags, builtAt, freshUntil, staleUntil }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
