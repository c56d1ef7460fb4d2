/** The values of some headers, null where one is missing. */
export function pickHeaders(headers: Headers, ...names: readonly string[]): readonly (string | null)[] {
  return names.map(name => headers.get(name))
}
