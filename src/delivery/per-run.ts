/** What one definition has while it runs: one for each signal that ends a run, as one process may run a definition twice. */
export function perRun<T>(make: (signal: AbortSignal) => T): (signal: AbortSignal) => T {
  const made = new WeakMap<AbortSignal, T>()
  return signal => {
    const known = made.get(signal)
    if (known !== undefined) return known
    const fresh = make(signal)
    made.set(signal, fresh)
    return fresh
  }
}
