/**
 * Why a call failed. `unavailable`: nothing was appended; try again later. `unknown`: the events may have been
 * appended; append the same again, with the same ids. `full`: there is no room. `refused`: it will never work, such as
 * a payload that the store cannot hold.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly reason: 'unavailable' | 'unknown' | 'full' | 'refused'
  constructor(reason: StoreError['reason'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}

/** The error that the `run` of a page threw, kept apart from errors of the database. */
export class RunFailure extends StoreError {
  constructor(cause: unknown) {
    super('refused', 'what a page runs has failed', { cause })
  }
}

/** Gives the result of a call. If the `run` of a page failed, throws its error. */
export async function unwrapRunFailure<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw error instanceof RunFailure ? error.cause : error
  }
}
