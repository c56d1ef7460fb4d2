import { StoreError } from './store.ts'

/** What the `run` of a page threw, kept apart from what a database says on the way out. */
export class RunFailure extends StoreError {
  constructor(cause: unknown) {
    super('refused', 'what a page runs has failed', { cause })
  }
}

/** The same, but what `run` threw is thrown as it was. */
export async function asThrown<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    throw error instanceof RunFailure ? error.cause : error
  }
}
