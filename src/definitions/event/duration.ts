/** A time span in words: `5 minutes`, `1 hour`. */
export type Duration = `${number} ${'second' | 'minute' | 'hour' | 'day'}${'' | 's'}`

const UNITS = { second: 1_000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const

/** Converts a duration to ms. Throws a TypeError for a text of another form. */
export function milliseconds(duration: string): number {
  const found = /^(\d+(?:\.\d+)?) (second|minute|hour|day)s?$/.exec(duration)
  if (!found) throw new TypeError(`${JSON.stringify(duration)} is no duration such as '5 minutes'`)
  return Number(found[1]) * UNITS[found[2] as keyof typeof UNITS]
}
