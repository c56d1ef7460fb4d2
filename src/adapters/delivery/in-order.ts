/**
 * Delivers all: of each key one after the other, so that none overtakes the one before it, whatever the receiver loses; different keys side
 * by side. After a failure nothing more of that key is delivered. Once nothing is on its way any more, rejects with the first failure.
 */
export async function deliverInOrder<T>(
  all: readonly T[],
  keyOf: (one: T) => string,
  deliver: (one: T) => Promise<unknown>,
): Promise<void> {
  const chains = [...Map.groupBy(all, keyOf).values()].map(async chain => {
    for (const one of chain) await deliver(one)
  })
  const failed = (await Promise.allSettled(chains)).find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') throw failed.reason
}
