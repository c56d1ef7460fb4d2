// The levels of a running process: those of its configuration, or others that an operator has set for a while.
import { DEFAULT_LEVELS, type Levels, parseLevels } from './levels.ts'

export type LevelSwitchOptions = {
  /** The levels of the configuration, as text. It is asked when somebody needs them. */
  readonly configured: () => string
  /** In ms since 1970. Default: the machine's clock. */
  readonly now?: () => number
}

/** Levels that somebody has set. `until`: when they end, in ms since 1970; null: with the process. */
type SetLevels = { readonly text: string; readonly levels: Levels; readonly until: number | null }

export class LevelSwitch {
  readonly #options: Required<LevelSwitchOptions>
  #configured: Levels | null = null
  #set: SetLevels | null = null

  constructor(options: LevelSwitchOptions) {
    this.#options = { now: Date.now, ...options }
  }

  /** The levels of now. */
  levels(): Levels {
    const set = this.#valid()
    if (set) return set.levels
    this.#configured ??= parseLevels(this.#options.configured()) ?? DEFAULT_LEVELS
    return this.#configured
  }

  /** The levels of now, for people. `until`: when those of the configuration come back; null: they do not, or they are there. */
  show(): { readonly levels: string; readonly configured: string; readonly until: string | null } {
    const set = this.#valid()
    const configured = this.#options.configured()
    const until = set?.until ?? null
    return { levels: set?.text ?? configured, configured, until: until === null ? null : new Date(until).toISOString() }
  }

  /** Sets levels, for a time in ms or until the process ends. False: the text is none. */
  set(text: string, ms: number | null): boolean {
    const levels = parseLevels(text)
    if (!levels) return false
    this.#set = { text, levels, until: ms === null ? null : this.#options.now() + ms }
    return true
  }

  /** Takes the levels of the configuration again. */
  reset(): void {
    this.#set = null
  }

  #valid(): SetLevels | null {
    const set = this.#set
    if (set && set.until !== null && this.#options.now() >= set.until) this.#set = null
    return this.#set
  }
}
