// What shows that a promise of Emaki does not hold. It is counted wherever it is reported.

/** `order`: the events of a stream. `freshness`: an answer that is not as new as it has to be. */
export type PromiseName = 'order' | 'freshness'

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
