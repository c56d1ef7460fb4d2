/**
 * Makes one thing for each run of a definition, because one process may run a definition twice. The signal that ends a
 * run identifies it.
 */
export function oncePerRun<T>(make: (signal: AbortSignal) => T): (signal: AbortSignal) => T {
  const runs = new WeakMap<AbortSignal, { readonly made: T }>()
  return signal => {
    const run = runs.get(signal) ?? { made: make(signal) }
    runs.set(signal, run)
    return run.made
  }
}
