// Finds the place at which a text stops being JSON. JSON.parse of this engine does not tell it. One pass, without
// recursion.

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y
/** The first character tells the kind of a token. `0` stands for a number or a word. */
const PUNCTUATION = '{}[],:"'
const VALUE = '{["0'
const MEMBER = '"'

/** The offset of the first character that is wrong; the length of the text if more should follow. */
export function malformedAt(text: string): number {
  const open: string[] = []
  let allowed = VALUE
  let isKey = false
  for (let at = endOfSpace(text, 0); ; ) {
    const kind = PUNCTUATION.includes(text.charAt(at)) ? text.charAt(at) : '0'
    const end = allowed.includes(kind) && at < text.length ? endOfToken(text, at, kind) : -1
    if (end < 0) return at
    at = endOfSpace(text, end)
    if (kind === '{' || kind === '[') {
      open.push(kind === '{' ? '}' : ']')
      isKey = kind === '{'
      allowed = isKey ? `${MEMBER}}` : `${VALUE}]`
    } else if (kind === ',') {
      isKey = open.at(-1) === '}'
      allowed = isKey ? MEMBER : VALUE
    } else if (kind === ':') {
      isKey = false
      allowed = VALUE
    } else if (isKey && kind === '"') allowed = ':'
    else {
      if (kind === '}' || kind === ']') open.pop()
      isKey = false
      allowed = open.length ? `,${open.at(-1)}` : ''
    }
  }
}

function endOfSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\n\r'.includes(text.charAt(at))) at++
  return at
}

/** The offset after a token; -1: it is no token. */
function endOfToken(text: string, at: number, kind: string): number {
  if (kind === '"') return endOfString(text, at)
  return kind === '0' ? endOf(SCALAR, text, at) : at + 1
}

function endOfString(text: string, from: number): number {
  for (let at = from + 1; at > 0; ) {
    const code = text.charCodeAt(at)
    if (code === 0x22) return at + 1
    // After the end of the text the code is NaN.
    if (!(code >= 0x20)) return -1
    at = code === 0x5c ? endOf(ESCAPE, text, at) : at + 1
  }
  return -1
}

function endOf(token: RegExp, text: string, at: number): number {
  token.lastIndex = at
  return token.test(text) ? token.lastIndex : -1
}

/** Describes the same place for a person: the text there, its line and its column, both from 1. */
export function describeMalformed(text: string): string {
  const at = malformedAt(text)
  const before = text.slice(0, at).split('\n')
  const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at)!)) : 'end'
  return `unexpected ${found} at line ${before.length}, column ${before.at(-1)!.length + 1}`
}

/** The offset of the first byte that is no UTF-8: decoded and encoded again, the bytes differ from there on. */
export function notUtf8At(bytes: Uint8Array): number {
  const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return again.findIndex((byte, i) => byte !== bytes[i])
}
