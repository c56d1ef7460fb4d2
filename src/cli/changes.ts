// The differences between two states, as JSON.

/** A changed value. `before` is undefined if it is new, `after` is undefined if it is gone. */
export type StateChange = { readonly path: readonly string[]; readonly before: unknown; readonly after: unknown }

/** The smallest parts that differ, in their order. */
export function changesBetween(before: unknown, after: unknown): readonly StateChange[] {
  return differencesIn([], asJson(before), asJson(after))
}

function differencesIn(path: readonly string[], before: unknown, after: unknown): readonly StateChange[] {
  if (!isParted(before) || !isParted(after) || Array.isArray(before) !== Array.isArray(after))
    return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }]
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return names.flatMap(name => differencesIn([...path, name], ownOf(before, name), ownOf(after, name)))
}

type Parted = Readonly<Record<string, unknown>>

function isParted(value: unknown): value is Parted {
  return typeof value === 'object' && value !== null
}

function ownOf(value: Parted, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function asJson(state: unknown): unknown {
  const text = JSON.stringify(state)
  return text === undefined ? undefined : (JSON.parse(text) as unknown)
}
