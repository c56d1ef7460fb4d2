/** Plants a bug by replacing a text that is there exactly once; else the plant has to be made anew, and this throws. */
export function once(text: string, found: string | RegExp, by: (found: string) => string): string {
  const many = typeof found === 'string' ? text.split(found).length - 1 : [...text.matchAll(new RegExp(found, 'g'))].length
  if (many !== 1) throw new Error(`${found} is there ${many} times; the plant has to be made anew`)
  const changed = text.replace(found, by)
  if (changed === text) throw new Error(`${found} was replaced by itself; the plant has to be made anew`)
  return changed
}
