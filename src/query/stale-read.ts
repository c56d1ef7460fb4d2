// How new an answer has to be, and the error where rows are older than that.

/** How new an answer has to be: it includes everything up to the position `atLeast`; the read waits up to `waitMs` for that. */
export type MinPosition = { readonly atLeast: number; readonly waitMs: number }
/** Takes rows as they are now. */
export const ANY_POSITION: MinPosition = { atLeast: 0, waitMs: 0 }
/** How long a read waits where its caller does not say, in ms. */
export const READ_WAIT_MS = 1_000

/** The rows of a projection are older than the read asked for, or are not made yet. */
export class StaleRead extends Error {
  override readonly name = 'StaleRead'
  readonly projection: string
  /** The rows include everything up to here. */
  readonly position: number
  /** The position that the read asked for. */
  readonly atLeast: number
  /** `behind`: the rows are folded on, and will come there. `not-ready`: no rows are served yet. `parked`: an event could not be folded. */
  readonly reason: 'behind' | 'not-ready' | 'parked'
  /** The position of the event that could not be folded. */
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
