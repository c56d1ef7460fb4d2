// One rule for every text by which something is found: ids, keys, correlations, idempotency keys and timers.

/**
 * The longest name, in UTF-16 units. In UTF-8 that is up to 1 200 bytes. An index of PostgreSQL takes 2 700, so there is
 * room for whatever is made of names: `{process}-{key}`, `answer:{process}:{key}:{position}:{index}`,
 * `due:{process}:{key}@{timer}:{position}`.
 */
export const NAME_LENGTH_MAX = 400

/** Says why a value cannot be a name; null if it can. `what` is the named thing with its article, such as `an id`. */
export function nameProblem(what: string, value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return `${what} is a text of 1 to ${NAME_LENGTH_MAX} characters`
  if (value.length > NAME_LENGTH_MAX) return `${what} has at most ${NAME_LENGTH_MAX} characters, and this has ${value.length}`
  if (value.includes('\0') || !value.isWellFormed()) return `${what} holds no NUL and no lone surrogate`
  // Clients and proxies take these steps out of a path, also if they are written as %2E.
  return value === '.' || value === '..' ? `${what} is neither . nor .., because no URL can hold these` : null
}

/**
 * Whether a text can be an id or a key: 1 to 400 characters, no NUL, no lone surrogate, neither `.` nor `..`. For the
 * schema of a field by which a projection or a process finds its key, so that a client's wrong key is refused with the
 * command: `z.string().refine(isId, 'is no id')`.
 */
export function isId(value: unknown): value is string {
  return nameProblem('an id', value) === null
}

/** Gives the key that a function made of an event. Throws a TypeError if it cannot be one. */
export function requireKey(owner: string, of: { readonly category: string; readonly type: string }, key: unknown): string {
  const wrong = nameProblem('a key', key)
  // A name is a text.
  if (wrong === null) return key as string
  const shown = Bun.inspect(key)
  const found = shown.length > KEY_SHOWN_MAX ? `${shown.slice(0, KEY_SHOWN_MAX)}…` : shown
  throw new TypeError(`${owner}: the key of ${of.category}.${of.type} gave ${found}, which is no key: ${wrong}`)
}
const KEY_SHOWN_MAX = 80
