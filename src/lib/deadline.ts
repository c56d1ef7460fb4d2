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

/** Resolves when a promise settles, or as soon as the signal aborts. Rejects with the error of the promise. */
export async function settleOrAbort(promise: Promise<unknown>, signal: AbortSignal): Promise<void> {
  const aborted = Promise.withResolvers<void>()
  const end = () => aborted.resolve()
  if (signal.aborted) end()
  signal.addEventListener('abort', end)
  try {
    await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', end)
  }
}
