import postgres from 'postgres'

/** What is in a log, and in how many of its streams a version is missing. */
export type Found = { readonly events: number | null; readonly positions: number | null; readonly holes: number | null }
type Bounds = { readonly min: number; readonly max: number }

/** What is wrong with a log of ours: events missing or too many, holes in a stream, positions used twice. Null: nothing. */
export async function checkLog(url: string, events: number | Bounds): Promise<string | null> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const [found] = await sql<Found[]>`
      select sum(many)::float8 as events, sum(positions)::float8 as positions, count(*) filter (where holed)::int as holes
      from (
        select count(*) as many, count(distinct position) as positions, max(version) <> count(*) or min(version) <> 1 as holed
        from emaki.events
        group by stream
      ) streams`
    return wrong(found!, typeof events === 'number' ? { min: events, max: events } : events)
  } finally {
    await sql.end()
  }
}

/** The same for what was found in any store. */
export function wrong(found: Found, { min, max }: Bounds): string | null {
  const events = found.events ?? 0
  if (events < min || events > max) return `${min}${max > min ? ` to ${max}` : ''} events were acknowledged; found ${events}`
  if (found.holes) return `${found.holes} streams have holes in their versions`
  return events === (found.positions ?? 0) ? null : `${events} events have ${found.positions} positions`
}
