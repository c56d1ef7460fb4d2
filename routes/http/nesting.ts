// Bounds how deep a text nests before it is parsed: a MiB of `[` keeps JSON.parse busy for a third of a second.
import { endOfText } from '../../src/definitions/event/exact-number.ts'
import { PAYLOAD_DEPTH_MAX } from '../../src/definitions/event/payload.ts'

/** A shorter text is parsed quickly, however deep it nests. */
const LENGTH_MIN = 1_024
const QUOTE = 0x22

/**
 * Cuts a JSON text at the first value that is nested deeper than a payload may be. There it holds an empty value, and
 * what was open is closed. So whatever else is wrong before that place is found, and then the depth.
 */
export function cutNesting(text: string): string {
  if (text.length < LENGTH_MIN) return text
  const ends: string[] = []
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) at = endOfText(text, at)
    else if (code === 0x5b || code === 0x7b) {
      ends.push(code === 0x5b ? ']' : '}')
      if (ends.length > PAYLOAD_DEPTH_MAX) return text.slice(0, at + 1) + ends.reverse().join('')
    } else if (code === 0x5d || code === 0x7d) ends.pop()
  }
  return text
}
