// An answer that the client has already is not sent again.
import type { Context } from 'hono'

/** Whether the client has this version already, by If-None-Match. */
export function hasVersion(c: Context, version: number): boolean {
  return hasETag(c, `"${version}"`)
}

/** Whether the client has the answer of this tag already, by If-None-Match. The comparison is weak, as RFC 9110 has it. */
export function hasETag(c: Context, tag: string): boolean {
  const tags = c.req.header('if-none-match')?.split(',') ?? []
  return tags.some(one => one.trim() === '*' || opaque(one.trim()) === opaque(tag))
}
const opaque = (tag: string): string => tag.replace(/^W\//, '')

/** JSON text, or 304 where the client has it. */
export function respondWithETag(
  c: Context,
  text: string,
  headers: Readonly<Record<string, string>> & { readonly ETag: string },
): Response {
  if (hasETag(c, headers.ETag)) return c.body(null, 304, headers)
  return c.body(text, 200, { ...headers, 'Content-Type': 'application/json' })
}

/** A short name for a text: other texts have others. */
export function hashOf(text: string): string {
  return Bun.hash.xxHash64(text).toString(36)
}
