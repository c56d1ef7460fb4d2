/** Keeps what was made for a name. Names have to be few: those of definitions, or of a closed list. */
export function keep<T>(create: (name: string) => T): (name: string) => T {
  const kept = new Map<string, T>()
  return name => {
    const known = kept.get(name)
    if (known !== undefined) return known
    const made = create(name)
    kept.set(name, made)
    return made
  }
}
