/** Names, each of which has to be among `all`. JavaScript callers get the check that TypeScript makes. */
export function namesAmong(where: string, all: readonly string[], names: readonly string[]): ReadonlySet<string> {
  const stranger = names.find(name => !all.includes(name))
  if (stranger !== undefined) throw new TypeError(`${where} names ${stranger}; there are ${all.join(', ')}`)
  return new Set(names)
}
