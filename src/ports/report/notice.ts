import type { Level } from './record.ts'

/** Values by which somebody finds what a notice is about. Names are in camelCase, with their units last. */
export type NoticeFields = Readonly<Record<string, string | number | boolean | null | undefined>>

export type NoticeOptions = {
  /** `warn`: somebody should act. `error`: something failed that should not. */
  readonly level: Level
  /** What happened, in kebab-case. It is stable, and alerts may match it: `key-parked`, `retry-began`. */
  readonly code: string
  /** One or two sentences: what happened, to what, and what mends it. */
  readonly message: string
  /** Values by which somebody finds what it is about. Default: none. */
  readonly fields?: NoticeFields
  /** What was thrown, if something was. */
  readonly cause?: unknown
  /** What fails again and again, as the beginning of a sentence: the notice begins it, or ends it. Default: nothing. */
  readonly episode?: string
  /** What the episode has come to since its notice. Default: nobody knows. */
  readonly retries?: () => RetryState
}

/** Where an episode is now. `latest`: the latest error, and how long ago it was, in ms. */
export type RetryState = {
  readonly isOver: boolean
  readonly failures: number
  readonly latest: { readonly error: unknown; readonly agoMs: number }
}

/** Something that an operator should know, and that no caller waits for. `report` takes it like any other error. */
export class Notice extends Error {
  override readonly name = 'Notice'
  readonly level: Level
  readonly code: string
  readonly fields: NoticeFields
  readonly episode: string | undefined
  readonly retries: (() => RetryState) | undefined

  constructor({ level, code, message, fields = {}, cause, episode, retries }: NoticeOptions) {
    super(message, cause === undefined ? undefined : { cause })
    this.level = level
    this.code = code
    this.fields = fields
    this.episode = episode
    this.retries = retries
  }
}

/** The level and the code of a problem. An error that is no notice was expected by nobody. */
export function kindOf(problem: unknown): { readonly level: Level; readonly code: string } {
  return problem instanceof Notice ? problem : { level: 'error', code: 'unexpected' }
}

/** Takes what no caller waits for: a `Notice`, or an error that nobody expected. */
export type Report = ((problem: unknown) => void) & {
  /** Whether it takes notices of a level and a code. Default: all but those of the level `debug`. */
  readonly wants?: (level: Level, code: string) => boolean
}

/** Whether a report takes notices of a level and a code: what nobody takes need not be made. */
export function isWanted(report: Report, level: Level, code: string): boolean {
  return report.wants?.(level, code) ?? level !== 'debug'
}

/** Makes a report that sees each problem before it passes it on. */
export function watchReport(report: Report, see: (problem: unknown) => void): Report {
  const watched = (problem: unknown) => {
    see(problem)
    report(problem)
  }
  return Object.assign(watched, { wants: (level: Level, code: string) => isWanted(report, level, code) })
}
