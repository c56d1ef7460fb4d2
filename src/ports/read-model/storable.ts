// What every database can store as a key or a value.
import { PageRefused } from './page-refused.ts'

/** The most bytes that an entry of an index holds: a key and, for the index of a field, the field's text. */
export const INDEXED_BYTES_MAX = 2_600
/** A UTF-16 unit takes at most so many bytes. */
const UNIT_BYTES_MAX = 3

/** Whether every database can store a text as a key or a value. It must not contain U+0000 or half a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

/** Throws PageRefused for a text that some database cannot store. `name` is what it belongs to. */
export function checkText(name: string, text: string): void {
  if (!isStorable(text)) throw new PageRefused(`${name}: ${JSON.stringify(text)} holds U+0000 or half a surrogate pair`)
}

/** Throws PageRefused for a key that some database cannot store or index. */
export function checkKey(name: string, key: string): void {
  checkText(name, key)
  if (!fitsIndex(key)) throw new PageRefused(`${name}: the key ${key.slice(0, 40)}… has more than ${INDEXED_BYTES_MAX} bytes`)
}

/** Whether these texts fit into one entry of an index. Most are so short that nobody has to count. */
export function fitsIndex(text: string, other = ''): boolean {
  if ((text.length + other.length) * UNIT_BYTES_MAX <= INDEXED_BYTES_MAX) return true
  return Buffer.byteLength(text) + Buffer.byteLength(other) <= INDEXED_BYTES_MAX
}
