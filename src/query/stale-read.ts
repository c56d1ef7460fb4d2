// The error for rows that are not as new or as whole as an answer has to be.
import type { MinPosition } from '../definitions/reads.ts'

/** Accepts rows as they are now. */
export const ANY_POSITION: MinPosition = { atLeast: 0, waitMs: 0 }
/** The default time that a read waits, in ms. */
export const READ_WAIT_MS = 1_000

/** The rows of a projection are older than the read asked for, or do not exist yet. */
export class StaleRead extends Error {
  override readonly name = 'StaleRead'
  readonly projection: string
  /** The rows include everything up to this position. */
  readonly position: number
  /** The position that the read asked for. */
  readonly atLeast: number
  /**
   * `behind`: the rows are still being folded, and will get there. `not-ready`: no rows are served yet. `parked`: an
   * event could not be folded.
   */
  readonly reason: 'behind' | 'not-ready' | 'parked'
  /** The position of the event that could not be folded; null if there is none. */
  readonly parked: number | null
  constructor(projection: string, reason: StaleRead['reason'], position: number, atLeast: number, parked: number | null = null) {
    super(`${projection} is at ${position}, asked for at ${atLeast}: ${reason}`)
    this.parked = parked
    this.projection = projection
    this.reason = reason
    this.position = position
    this.atLeast = atLeast
  }

  get lagEvents(): number {
    return Math.max(0, this.atLeast - this.position)
  }
}
