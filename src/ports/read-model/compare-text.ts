/** Compares keys and texts by code points, as "C" collation and memcmp of UTF-8 do. */
export function compareText(one: string, other: string): number {
  const end = Math.min(one.length, other.length)
  for (let i = 0; i < end; i++) {
    const a = one.charCodeAt(i)
    const b = other.charCodeAt(i)
    if (a !== b) return rank(a) - rank(b)
  }
  return one.length - other.length
}

/**
 * Ranks a UTF-16 unit by its code point. Surrogates stand for code points above all others, although their units are
 * below U+E000.
 */
function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
