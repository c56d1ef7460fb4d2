// Colours for a terminal, and text without control characters.
const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39] } as const

export type Paint = Readonly<Record<keyof typeof CODES, (text: string) => string>>

/** Paints if the text goes to a terminal and NO_COLOR is not set; otherwise leaves it unchanged. */
export function paintFor(
  to: { readonly isTTY?: boolean } = process.stdout,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Paint {
  const isPainted = to.isTTY === true && !environment['NO_COLOR']
  const painting = Object.entries(CODES).map(([name, [on, off]]) => [
    name,
    (text: string) => (isPainted ? `\x1b[${on}m${text}\x1b[${off}m` : text),
  ])
  // One for each code.
  return Object.fromEntries(painting) as Paint
}

/** A stored text without characters that would move the cursor, or begin a new line of a table. */
export function plain(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A value as JSON on several lines. */
export function pretty(value: unknown): string {
  return (JSON.stringify(value, null, 2) ?? String(value)).split('\n').map(plain).join('\n')
}
