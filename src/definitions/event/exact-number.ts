// Finds numbers in JSON text that a double cannot hold. JSON.parse would give another number in their place, in silence.

/** A number of a JSON text. */
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
/** A text without one of these holds no number that a double cannot hold. */
const DOUBTFUL = /\d{16}|\d[eE][+-]?\d|\.0{300}/
/** A double gives back each number of so many digits. */
const DIGITS_MAX = 15
/** What stands before a number that was made a text: a lone surrogate is no text, so
 * that no payload and no name may hold it. */
const MARK = '\udfff'
const SHOWN_MAX = 40
const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Whether a number of a JSON text is the same number as a double. A fraction is rounded, as everywhere. An integer beyond
 * 2^53 - 1 is not the same, unless it has at most 15 digits before its zeros. A larger number with a point or an exponent
 * is the same if the double is written with the same digits. What a double makes infinite, or 0, is not the same.
 */
export function isExactNumber(literal: string): boolean {
  const value = Number(literal)
  if (value === 0) return digitsOf(literal) === ''
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return true
  if (!Number.isFinite(value)) return false
  const digits = digitsOf(literal)
  return digits.length <= DIGITS_MAX || (/[.eE]/.test(literal) && digits === digitsOf(String(value)))
}

/** The digits that count: without sign, point and exponent, and without zeros at either end. */
function digitsOf(literal: string): string {
  return literal
    .replace(/[eE].*/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+|0+$/g, '')
}

/** Whether a text is a number of JSON that a double cannot hold. */
export function isInexactText(text: string): boolean {
  return DOUBTFUL.test(text) && endOfNumber(text, 0) === text.length && !isExactNumber(text)
}

/**
 * Makes a marked text of each number in a valid JSON text that is not exact. No schema of numbers takes it, and no payload
 * may hold it. Gives the text itself if all its numbers are exact.
 */
export function markInexact(text: string): string {
  if (!DOUBTFUL.test(text)) return text
  let marked = ''
  let taken = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at)
    else if (code === 0x2d || (code >= 0x30 && code <= 0x39)) {
      const end = endOfNumber(text, at)
      const literal = text.slice(at, end)
      if (!isExactNumber(literal)) {
        marked += `${text.slice(taken, at)}"\\udfff${cutText(literal)}"`
        taken = end
      }
      at = end - 1
    }
  }
  return marked + text.slice(taken)
}

/** Says which number of a valid JSON text is not exact. Null: all are. */
export function findInexact(text: string): string | null {
  const marked = markInexact(text)
  return marked === text ? null : describeNumber(/"\\udfff([^"]*)"/.exec(marked)![1]!)
}

/** Says what is wrong with a marked text. Null: it is not marked. */
export function describeInexact(value: string): string | null {
  return value.startsWith(MARK) ? describeNumber(value.slice(1)) : null
}

/** Says that a number is not exact, and what to send instead. */
export function describeNumber(literal: string): string {
  return `the number ${cutText(literal)} is beyond what a double holds; send an integer within ±${Number.MAX_SAFE_INTEGER}, or a text`
}

/** Whether a value is a number, or holds it. It finds what a schema or a map made of a text that is not exact. */
export function holdsNumber(value: unknown, number: number): boolean {
  if (typeof value !== 'object' || value === null) return value === number
  return Object.values(value).some(member => holdsNumber(member, number))
}

function cutText(literal: string): string {
  return literal.length <= SHOWN_MAX ? literal : `${literal.slice(0, SHOWN_MAX)}…`
}

function endOfNumber(text: string, at: number): number {
  NUMBER.lastIndex = at
  return NUMBER.test(text) ? NUMBER.lastIndex : at + 1
}

/** The offset of the quote that ends a text of JSON; the end of everything if there is none. */
export function endOfText(text: string, from: number): number {
  for (let at = from + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at++
  }
  return text.length
}
