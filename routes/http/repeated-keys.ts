// Finds a key that an object of a JSON text has twice. JSON.parse takes the last one and says nothing, while a proxy or
// a log may have read the first.
import { endOfText } from '../../src/definitions/event/exact-number.ts'

const QUOTE = 0x22
const COLON = 0x3a

/** The path of a key that comes twice in a valid JSON text; null: there is none. `data`: the value that was parsed of it. */
export function findRepeatedKey(text: string, data: unknown): readonly PropertyKey[] | null {
  // To count is cheap, and a repeated key is rare.
  return countColons(text) === countMembers(data) ? null : pathOfRepeatedKey(text)
}

function countColons(text: string): number {
  let colons = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at)
    else if (code === COLON) colons++
  }
  return colons
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const isArray = Array.isArray(value)
  const values: readonly unknown[] = isArray ? value : Object.values(value)
  let members = isArray ? 0 : values.length
  for (const one of values) members += countMembers(one)
  return members
}

/** What is open at a place of the text: an object with its keys so far, or an array, and where in it the place is. */
type Open = { readonly keys: Set<string> | null; at: string | number }
const KEY_END = /\s*:/y

function pathOfRepeatedKey(text: string): readonly PropertyKey[] | null {
  const open: Open[] = []
  for (let at = 0; at < text.length; at++) {
    const inner = open.at(-1)
    const sign = text[at]
    if (sign === '{') open.push({ keys: new Set(), at: '' })
    else if (sign === '[') open.push({ keys: null, at: 0 })
    else if (sign === '}' || sign === ']') open.pop()
    else if (sign === ',' && typeof inner?.at === 'number') inner.at++
    else if (sign === '"') {
      const end = endOfText(text, at)
      if (inner && isRepeated(inner, text, at, end)) return open.map(one => one.at)
      at = end
    }
  }
  return null
}

/** Whether a text is a key that its object has already. A new key is remembered. */
function isRepeated(inner: Open, text: string, from: number, end: number): boolean {
  KEY_END.lastIndex = end + 1
  if (!inner.keys || !KEY_END.test(text)) return false
  const key = JSON.parse(text.slice(from, end + 1)) as string
  inner.at = key
  const isKnown = inner.keys.has(key)
  inner.keys.add(key)
  return isKnown
}
