// A stream is named `category-instance`. A category holds no `-`; an instance may.
import { nameProblem } from './names.ts'

export function streamName(category: string, id: string): string {
  return `${category}-${id}`
}

/** The part of a stream's name before the first `-`; empty without a `-`. */
export function categoryOf(stream: string): string {
  return stream.slice(0, Math.max(0, stream.indexOf('-')))
}

/** The part of a stream's name after the first `-`; empty without a `-`. */
export function instanceOf(stream: string): string {
  const dash = stream.indexOf('-')
  return dash < 0 ? '' : stream.slice(dash + 1)
}

/** Whether a stream is of a category. */
export function isOf(category: string, stream: string): boolean {
  return stream[category.length] === '-' && stream.startsWith(category)
}

/** Says why a text cannot be the name of a stream; null if it can. */
export function streamProblem(stream: unknown): string | null {
  if (typeof stream !== 'string' || !isCategory(categoryOf(stream))) return 'expected category-instance'
  const wrong = nameProblem('an id', instanceOf(stream))
  return wrong && `expected category-instance: ${wrong}`
}

/** The longest category, in characters. */
export const CATEGORY_LENGTH_MAX = 63

export function isCategory(name: string): boolean {
  return name.length <= CATEGORY_LENGTH_MAX && /^[a-z][a-z0-9_]*$/i.test(name)
}

/** Two names around those of a category's streams, both exclusive: `-` is the character before `.`. */
export function categoryBounds(category: string): { readonly above: string; readonly below: string } {
  return { above: `${category}-`, below: `${category}.` }
}
