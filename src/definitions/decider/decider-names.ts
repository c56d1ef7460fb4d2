// Deciders by name, for examples that name one only by a command.
type NamedDecider = { readonly name: string; readonly commands: ReadonlyMap<string, unknown> }
const deciders = new Map<string, WeakRef<NamedDecider>[]>()

/** Notes that a decider was defined. */
export function nameDecider(decider: NamedDecider): void {
  const living = (deciders.get(decider.name) ?? []).filter(one => one.deref() !== undefined)
  deciders.set(decider.name, [...living, new WeakRef(decider)])
}

/** Finds the decider of a name that has a command. Throws a TypeError if there is none, or more than one. */
export function findDecider(name: string, command: string): NamedDecider {
  const found = (deciders.get(name) ?? []).flatMap(one => one.deref() ?? []).filter(one => one.commands.has(command))
  if (found.length === 1) return found[0]!
  const many = found.length === 0 ? 'no decider has' : `${found.length} deciders have`
  throw new TypeError(`${many} the command ${name}.${command}: begin with the decider, as in given(${name}, …)`)
}
