// Shows the progress of long work: a bar at a terminal, a line now and then elsewhere.
const WIDTH = 30
const LINE_EVERY_MS = 5_000
const BAR_EVERY_MS = 100

export type ProgressLine = { readonly update: (done: number, total: number) => void; readonly end: (said: string) => void }

/** Shows progress on stderr, because stdout is for the result. `unit`: the things that are counted. */
export function progress(
  what: string,
  unit: string,
  to: { readonly isTTY?: boolean; readonly write: (text: string) => unknown } = process.stderr,
  now: () => number = () => performance.now(),
): ProgressLine {
  const began = now()
  let first: number | null = null
  let shownAt = Number.NEGATIVE_INFINITY
  const isTerminal = to.isTTY === true
  return {
    update: (done, total) => {
      first ??= done
      if (now() - shownAt < (isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS)) return
      shownAt = now()
      const seconds = (now() - began) / 1_000
      const rate = seconds > 0 ? (done - first) / seconds : 0
      const pace = rate > 0 ? `, ${many(rate)}/s, ${formatDuration((total - done) / rate)} left` : ''
      const share = total > 0 ? Math.min(1, done / total) : 1
      const text = `${what} ${(share * 100).toFixed(0).padStart(3)} % ${many(done)} of ${many(total)} ${unit}${pace}`
      const filled = Math.round(share * WIDTH)
      to.write(isTerminal ? `\r\x1b[2K${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${text}` : `${text}\n`)
    },
    end: said => {
      to.write(`${isTerminal ? '\r\x1b[2K' : ''}${said}\n`)
    },
  }
}

function many(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** Formats a duration for a person: `12 s`, `3 min`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
