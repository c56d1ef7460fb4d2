/**
 * Every order in which steps can be taken: `counts` says how many each of several has, and an order names whose step is next.
 * Two with three steps each have 20 orders, three have 1 680.
 */
export function orders(counts: readonly number[]): readonly (readonly number[])[] {
  if (counts.every(count => count === 0)) return [[]]
  return counts.flatMap((count, who) => (count === 0 ? [] : orders(counts.with(who, count - 1)).map(rest => [who, ...rest])))
}
