// Finds the place at which a text stops being JSON. JSON.parse of this engine does not tell it. One pass, without
// recursion.

const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const ESCAPE = /\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y

/** The kinds of tokens, by their first character. A set of kinds is their sum. */
const BRACE = 1
const BRACE_END = 2
const BRACKET = 4
const BRACKET_END = 8
const COMMA = 16
const COLON = 32
const TEXT = 64
/** A number or a word. */
const SCALAR_KIND = 128
const VALUE = BRACE | BRACKET | TEXT | SCALAR_KIND

/** The offset of the first character that is wrong; the length of the text if more should follow. */
export function malformedAt(text: string): number {
  const ends: number[] = []
  let allowed = VALUE
  let isKey = false
  for (let at = endOfSpace(text, 0); ; ) {
    const kind = kindAt(text, at)
    const end = allowed & kind ? endOfToken(text, at, kind) : -1
    if (end < 0) return at
    at = endOfSpace(text, end)
    if (kind === BRACE || kind === BRACKET) {
      ends.push(kind << 1)
      isKey = kind === BRACE
      allowed = isKey ? TEXT | BRACE_END : VALUE | BRACKET_END
    } else if (kind === COMMA) {
      isKey = ends.at(-1) === BRACE_END
      allowed = isKey ? TEXT : VALUE
    } else if (kind === COLON) {
      isKey = false
      allowed = VALUE
    } else if (isKey && kind === TEXT) allowed = COLON
    else {
      if (kind === BRACE_END || kind === BRACKET_END) ends.pop()
      isKey = false
      allowed = ends.length ? COMMA | ends.at(-1)! : 0
    }
  }
}

/** The kind of the token at a place; 0: the text has ended. */
function kindAt(text: string, at: number): number {
  switch (text.charCodeAt(at)) {
    case 0x7b:
      return BRACE
    case 0x7d:
      return BRACE_END
    case 0x5b:
      return BRACKET
    case 0x5d:
      return BRACKET_END
    case 0x2c:
      return COMMA
    case 0x3a:
      return COLON
    case 0x22:
      return TEXT
    default:
      return at < text.length ? SCALAR_KIND : 0
  }
}

function endOfSpace(text: string, from: number): number {
  for (let at = from; ; at++) {
    const code = text.charCodeAt(at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
  }
}

/** The offset after a token; -1: it is no token. */
function endOfToken(text: string, at: number, kind: number): number {
  if (kind === TEXT) return endOfString(text, at)
  return kind === SCALAR_KIND ? endOf(SCALAR, text, at) : at + 1
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
  let [line, lineStart] = [1, 0]
  for (let i = 0; i < at; i++) {
    if (text.charCodeAt(i) !== 0x0a) continue
    line++
    lineStart = i + 1
  }
  const found = at < text.length ? JSON.stringify(String.fromCodePoint(text.codePointAt(at)!)) : 'end'
  return `unexpected ${found} at line ${line}, column ${at - lineStart + 1}`
}

/** The offset of the first byte that is no UTF-8: decoded and encoded again, the bytes differ from there on. */
export function notUtf8At(bytes: Uint8Array): number {
  const again = new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes))
  return again.findIndex((byte, i) => byte !== bytes[i])
}
