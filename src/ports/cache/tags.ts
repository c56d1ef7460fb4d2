/**
 * Encodes a tag for headers and purges: ASCII without spaces, commas and quotes, at most 200 characters. A longer tag
 * ends with its hash. If two tags have the same code, they are only purged together.
 */
export function encodeTag(tag: string): string {
  const encoded = encodeURIComponent(tag.toWellFormed()).replaceAll("'", '%27')
  if (encoded.length <= TAG_CHARS_MAX) return encoded
  const hash = Bun.hash.xxHash64(encoded).toString(16).padStart(16, '0')
  return `${encoded.slice(0, TAG_CHARS_MAX - hash.length - 1)}~${hash}`
}

const TAG_CHARS_MAX = 200
