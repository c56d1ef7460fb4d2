// Measures for how much work the event loop is held, in units that a test counts and never in time.
import { spyOn } from 'bun:test'
import { turnClock } from '../lib/turns.ts'

export type Stretches = Disposable & {
  /**
   * Counts work. It takes as many ms on the clock of the turns. Units are whole or 1024ths: their sums are exact, so that
   * a turn is over at the same unit whatever the clock shows.
   */
  readonly work: (units?: number) => void
  /** The most work between two turns of the event loop, and how often it has turned. */
  readonly longest: number
  readonly turns: number
}

/** Begins to measure, until it is disposed of. */
export function measureStretches(): Stretches {
  let [total, stretch, longest, turns] = [0, 0, 0, 0]
  const began = Math.ceil(performance.now())
  const clock = spyOn(turnClock, 'now').mockImplementation(() => began + total)
  const turn = () => {
    stretch = 0
    turns++
    turning = setImmediate(turn)
  }
  let turning = setImmediate(turn)
  return {
    work: (units = 1) => {
      if (!Number.isInteger(units * 1_024)) throw new RangeError(`Units of work are whole or 1024ths, and not ${units}.`)
      total += units
      stretch += units
      longest = Math.max(longest, stretch)
    },
    get longest() {
      return longest
    },
    get turns() {
      return turns
    },
    [Symbol.dispose]: () => {
      clearImmediate(turning)
      clock.mockRestore()
    },
  }
}
