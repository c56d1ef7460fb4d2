let second = Number.NaN
let upToSecond = ''

/**
 * Formats a time in ms since 1970 as RFC 3339 in UTC. Events of one second share most of the text: this takes a third
 * of the time of toISOString.
 */
export function instant(ms: number): string {
  const found = Math.floor(ms / 1_000)
  if (found !== second) {
    second = found
    upToSecond = new Date(found * 1_000).toISOString().slice(0, -4)
  }
  return `${upToSecond}${String(ms - found * 1_000).padStart(3, '0')}Z`
}
