/**
 * Delivers all items. Items of one key are delivered one after the other, so none overtakes an earlier one, even if the
 * receiver loses some. Different keys are delivered side by side. After a failure, no more items of that key are
 * delivered. Rejects with the first failure once no delivery is running.
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
