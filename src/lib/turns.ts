// Turns of the event loop. Long work ends its turn after 10 ms, so that a request or a timer never waits for long.

/** How long work may hold the event loop, in ms. One step, such as a decision of a user's, may take longer. */
export const TURN_MS = 10
/** After so much work, in characters, the clock is read again; and the work that ends a turn whatever the clock says. */
const LOOK_EVERY = 16_384
const WORK_MAX = 4_194_304

/** The clock of all turns, in ms. */
export const turnClock: { now: () => number } = { now: () => performance.now() }

/** Lets the event loop do everything that waits. */
export function nextTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve))
}

/** The turn of work that somebody waits for, such as a command or a read. It has a budget of its own. */
export class Turn {
  readonly #ms: number
  #until: number

  /** `ms`: how long it may hold the event loop. Default: 10. */
  constructor(ms: number = TURN_MS) {
    this.#ms = ms
    this.#until = turnClock.now() + ms
  }

  get isOver(): boolean {
    return turnClock.now() >= this.#until
  }

  /** Lets the event loop turn, and begins again. */
  async next(): Promise<void> {
    await nextTurn()
    this.#until = turnClock.now() + this.#ms
  }
}

/**
 * The turns of all work in the background. It shares one budget, and its parts go one by one: many of them hold the
 * event loop no longer than one.
 */
export class SharedTurns {
  /** When the running turn is over. Null: no work has begun since the event loop turned. */
  #until: number | null = null
  #isOver = false
  /** The work of the turn, and how much it was when the clock was read. */
  #work = 0
  #seen = 0
  readonly #waiting: (() => void)[] = []

  /** Whether the turn is over after so much more work, in characters. If so, await `next`. */
  isOver(size: number): boolean {
    if (this.#until === null) this.#begin()
    this.#work += size
    if (this.#isOver || this.#work - this.#seen < LOOK_EVERY) return this.#isOver
    this.#seen = this.#work
    this.#isOver = this.#work >= WORK_MAX || turnClock.now() >= this.#until!
    return this.#isOver
  }

  /** Resolves in a turn of the event loop that nobody else in the background has. */
  next(): Promise<void> {
    if (this.#until === null) this.#begin()
    return new Promise(resolve => void this.#waiting.push(resolve))
  }

  #begin(): void {
    this.#until = turnClock.now() + TURN_MS
    this.#isOver = false
    this.#work = 0
    this.#seen = 0
    setImmediate(() => this.#end())
  }

  #end(): void {
    this.#until = null
    const resume = this.#waiting.shift()
    if (!resume) return
    this.#begin()
    resume()
  }
}

/** The turns of folds, imports and the like in this process. */
export const background: SharedTurns = new SharedTurns()
