// The SQL of what is parked. `name` is the placeholder of the subscription's name, `r` a row of its table.

/** The position at which the key of a row is parked; null: it is not. */
export function parkedAt(schema: string, name: string): string {
  return `(select p.position ${ofKey(schema, name)})`
}

/**
 * Whether the key of a row is not parked. The planner takes this for half of the rows. It would take `is null` for rare,
 * and sort the few rows that it expects.
 */
export function isUnparked(schema: string, name: string): string {
  return `(select true ${ofKey(schema, name)}) is not true`
}

/** Whether the key of a row is one of the parked, which are few. */
export function isParked(schema: string, name: string): string {
  return `r.key in (select p.key from ${schema}.parked p where p.name = ${name} and p.kind = 'key')`
}

/** The lowest position at which something of a table is parked, by a condition on what is parked. */
export function lowestParked(schema: string, name: string, condition = 'true'): string {
  return `(select min(p.position) from ${schema}.parked p where p.name = ${name} and ${condition})`
}

function ofKey(schema: string, name: string): string {
  return `from ${schema}.parked p where p.name = ${name} and p.kind = 'key' and p.key = r.key`
}
