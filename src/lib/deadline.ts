/**
 * Resolves as a promise does, or rejects with the error of `lateError` after so many ms. It does not end the work
 * behind the promise.
 */
export async function settleWithin<T>(ms: number, promise: Promise<T>, lateError: () => Error): Promise<T> {
  const over = Promise.withResolvers<never>()
  const timer = setTimeout(() => over.reject(lateError()), ms)
  try {
    return await Promise.race([promise, over.promise])
  } finally {
    clearTimeout(timer)
  }
}
