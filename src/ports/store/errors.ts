/**
 * Why a call failed. `unavailable`: nothing was appended; try again later. `unknown`: the events may have been
 * appended; append the same again, with the same ids. `full`: there is no room. `refused`: it will never work, such as
 * a payload that the store cannot hold.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly reason: 'unavailable' | 'unknown' | 'full' | 'refused'
  /** The cause as a sentence that anybody may see: it names no host, no user and no data. Null: there is none. */
  readonly shown: string | null
  constructor(reason: StoreError['reason'], message: string, { shown, ...options }: StoreErrorOptions = {}) {
    super(message, options)
    this.reason = reason
    this.shown = shown ?? null
  }
}

export type StoreErrorOptions = ErrorOptions & { readonly shown?: string | undefined }
