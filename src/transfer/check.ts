/** Whether a text is an RFC 3339 time with an offset. */
export function isInstant(text: unknown): boolean {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
  return typeof text === 'string' && shape.test(text) && !Number.isNaN(Date.parse(text))
}
