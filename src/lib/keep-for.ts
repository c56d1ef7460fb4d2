/** Asks at most once in a time, in ms. `clock`: of elapsed time, in ms. Default: the machine's clock. */
export function keepFor<T>(ms: number, ask: () => Promise<T>, clock: () => number = () => performance.now()): () => Promise<T> {
  let known: { readonly at: number; readonly answer: Promise<T> } | null = null
  return () => {
    if (!known || clock() - known.at > ms) known = { at: clock(), answer: ask() }
    return known.answer
  }
}
