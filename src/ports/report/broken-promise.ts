// What shows that a promise of Emaki does not hold. It is counted wherever it is reported.

/** Every promise of which a breach is noticed. */
export const PROMISE_NAMES = ['order', 'freshness', 'clock', 'immutability', 'rows', 'once'] as const
/**
 * `order`: the events of a stream, and positions. `freshness`: an answer that is not as new as it has to be. `clock`:
 * `at` goes back within the log. `immutability`: an event is not as it was. `rows`: a row is not the fold of its events.
 * `once`: the log has one event twice.
 */
export type PromiseName = (typeof PROMISE_NAMES)[number]

export class BrokenPromise extends Error {
  override readonly name: string = 'BrokenPromise'
  readonly promise: PromiseName

  constructor(promise: PromiseName, message: string) {
    super(message)
    this.promise = promise
  }
}

/** How many causes are looked through. */
const CAUSES_MAX = 10

/** The promise that an error, or one of its causes, shows to be broken. Null: none. */
export function brokenPromiseOf(error: unknown): PromiseName | null {
  for (let one = error, depth = 0; one instanceof Error && depth < CAUSES_MAX; one = one.cause, depth++)
    if (one instanceof BrokenPromise) return one.promise
  return null
}
