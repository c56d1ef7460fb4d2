/**
 * Finds the items that are refused among some of which at least one is, by halving. `isRefused` says whether a group
 * holds one. Items that are refused only together are not found.
 */
export async function findRefused<T>(
  items: readonly T[],
  isRefused: (group: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  if (!items.length || !(await isRefused(items))) return []
  if (items.length === 1) return items
  const [first, second] = halve(items)
  return [...(await findRefused(first, isRefused)), ...(await findRefused(second, isRefused))]
}

/** Divides items into two parts of about the same size. The first part has an item if there is one. */
export function halve<T>(items: readonly T[]): readonly [readonly T[], readonly T[]] {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}
