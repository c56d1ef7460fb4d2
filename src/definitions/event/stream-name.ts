// A stream is named `category-instance`. A category holds no `-`; an instance may.

/** The longest id of an instance, in UTF-16 units. */
export const ID_LENGTH_MAX = 200

export function streamName(category: string, id: string): string {
  return `${category}-${id}`
}

/** What stands before the first `-` of a stream's name; nothing where there is none. */
export function categoryOf(stream: string): string {
  return stream.slice(0, Math.max(0, stream.indexOf('-')))
}

/** What stands behind the first `-` of a stream's name; nothing where there is none. */
export function instanceOf(stream: string): string {
  const dash = stream.indexOf('-')
  return dash < 0 ? '' : stream.slice(dash + 1)
}

/** Whether a stream is of a category. */
export function isOf(category: string, stream: string): boolean {
  return stream[category.length] === '-' && stream.startsWith(category)
}

/** What is wrong with the name of a stream; null when nothing is. */
export function streamProblem(stream: unknown): string | null {
  if (typeof stream !== 'string' || !isCategory(categoryOf(stream))) return 'expected category-instance'
  const wrong = idProblem(instanceOf(stream))
  return wrong && `expected category-instance: ${wrong}`
}

export function isCategory(name: string): boolean {
  return /^[a-z][a-z0-9_]{0,62}$/i.test(name)
}

/** What is wrong with the id of an instance; null when nothing is. */
export function idProblem(id: unknown): string | null {
  if (typeof id !== 'string' || id === '') return 'an id is a text that is not empty'
  if (id.length > ID_LENGTH_MAX) return `an id has at most ${ID_LENGTH_MAX} characters`
  return id.includes('\0') || !id.isWellFormed() ? 'an id holds no NUL and no lone surrogate' : null
}

/** The names between which the streams of a category are, both ends left out: `-` is the character before `.`. */
export function categoryBounds(category: string): { readonly above: string; readonly below: string } {
  return { above: `${category}-`, below: `${category}.` }
}
