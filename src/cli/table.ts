/** Formats rows as columns. The last column may be long. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows]
  const widths = titles.map((_, i) => Math.max(...all.map(row => Bun.stringWidth(row[i]!))))
  const padded = (text: string, i: number) => text + ' '.repeat(widths[i]! - Bun.stringWidth(text))
  return all.map(row => row.map((text, i) => (i === row.length - 1 ? text : padded(text, i))).join('  ')).join('\n')
}
