// How far a long verb has come: a bar on a terminal, a plain line now and then elsewhere. Always on stderr, as stdout may be the result.

export type Progress = {
  /** So much is done of so much, and so many events. */
  readonly at: (done: number, of: number, events: number) => void
  /** Leaves the last state standing. */
  readonly end: () => void
}

export type ProgressOptions = {
  readonly isTerminal?: boolean
  readonly write?: (text: string) => unknown
  /** In ms. */
  readonly now?: () => number
}

const BAR_WIDTH = 30
const BAR_EVERY_MS = 100
const LINE_EVERY_MS = 5_000

export function progress(what: string, options: ProgressOptions = {}): Progress {
  const { isTerminal = process.stderr.isTTY, write = text => process.stderr.write(text), now = () => performance.now() } = options
  const everyMs = isTerminal ? BAR_EVERY_MS : LINE_EVERY_MS
  const start = now()
  let shown = start
  let first: { readonly done: number; readonly events: number } | null = null
  let last = ''
  return {
    at: (done, of, events) => {
      first ??= { done, events }
      const time = now()
      const text = stateOf({ what, done, of, events, first, spentMs: time - start, isTerminal })
      last = text
      if (time - shown < everyMs) return
      shown = time
      write(isTerminal ? `\r\x1b[K${text}` : `${text}\n`)
    },
    end: () => {
      if (last !== '') write(isTerminal ? `\r\x1b[K${last}\n` : `${last}\n`)
    },
  }
}

type State = {
  readonly what: string
  readonly done: number
  readonly of: number
  readonly events: number
  /** What an earlier run had done is no part of the rate. */
  readonly first: { readonly done: number; readonly events: number }
  readonly spentMs: number
  readonly isTerminal: boolean
}

function stateOf({ what, done, of, events, first, spentMs, isTerminal }: State): string {
  const share = of > 0 ? Math.min(1, done / of) : 1
  const filled = Math.round(share * BAR_WIDTH)
  const bar = isTerminal ? `[${'#'.repeat(filled)}${' '.repeat(BAR_WIDTH - filled)}] ` : ''
  const rate = spentMs > 0 ? ((events - first.events) / spentMs) * 1_000 : 0
  const left = done > first.done && share < 1 ? `, ${timeText(((of - done) / (done - first.done)) * spentMs)} left` : ''
  return `${what} ${bar}${Math.floor(share * 100)} %, ${grouped(events)} events, ${grouped(Math.round(rate))}/s${left}`
}

/** 12 345, as people read it. */
export function grouped(number: number): string {
  return String(number).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}

function timeText(ms: number): string {
  const seconds = Math.ceil(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  return seconds < 3_600
    ? `${Math.ceil(seconds / 60)} min`
    : `${Math.floor(seconds / 3_600)} h ${Math.ceil((seconds % 3_600) / 60)} min`
}
