/** A text of so many x. Its halves are one text until somebody reads it, so that even one of 64 MiB costs nothing. */
export function buildLongText(length: number): string {
  if (length < 1_000) return 'x'.repeat(length)
  const half = buildLongText(length >> 1)
  return `${half}${half}${length % 2 ? 'x' : ''}`
}
