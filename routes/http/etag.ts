// An answer that the client already has is not sent again.
import type { Context } from 'hono'

/** Whether the client already has this version, by If-None-Match. */
export function hasVersion(c: Context, version: number): boolean {
  return hasETag(c, `"${version}"`)
}

/** Whether the client already has the answer of this tag, by If-None-Match. The comparison is weak (RFC 9110). */
export function hasETag(c: Context, tag: string): boolean {
  const tags = c.req.header('if-none-match')?.split(',') ?? []
  return tags.some(one => one.trim() === '*' || opaque(one.trim()) === opaque(tag))
}
const opaque = (tag: string): string => tag.replace(/^W\//, '')

/** The tags of a list of entity tags (RFC 9110), without quotes; null: it is no such list. `W/` is passed over. */
export function entityTagsIn(header: string): readonly string[] | null {
  // Each match begins where the one before it ended, so a header is read once.
  const elements = [...header.matchAll(/[ \t]*(?:(?:W\/)?"([^"]*)"[ \t]*)?(?:,|$)/gy)]
  const length = elements.reduce((sum, [element]) => sum + element.length, 0)
  const tags = elements.flatMap(([, tag]) => tag ?? [])
  return length === header.length && tags.length > 0 ? tags : null
}

/** Answers with JSON text, or with 304 if the client already has it. */
export function respondWithETag(
  c: Context,
  text: string,
  headers: Readonly<Record<string, string>> & { readonly ETag: string },
): Response {
  if (hasETag(c, headers.ETag)) return c.body(null, 304, headers)
  return c.body(text, 200, { ...headers, 'Content-Type': 'application/json' })
}

/** A short name for a text. Different texts have different names. */
export function hashOf(text: string): string {
  return Bun.hash.xxHash64(text).toString(36)
}
