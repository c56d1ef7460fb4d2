// What the nodes of these races serve: rows that tell whether an event is missing, doubled or out of its order, by key, by many keys at
// once, and with deletes; and effects that stay where they can be counted.
import { z } from 'zod'
import { type Event, type Events, events, type Recorded } from '../../definitions/event/events.ts'
import { counter, Counter } from '../../adapters/postgres/races/domain.ts'
import { processor } from '../../definitions/processor.ts'
import { type AnyProjection, projection } from '../../definitions/projection/projection.ts'
import { sqlProjection } from '../../definitions/projection/sql-projection.ts'
import type { Served } from '../../definitions/definition.ts'
import { type Poison, applyPoison } from './poison.ts'

const raced = { Raced: z.object({ token: z.string(), text: z.string() }) }
/** What `append` of the log's own races writes. */
const Hot: Events<'hot', typeof raced> = events('hot', raced)
const Cold: Events<'cold', typeof raced> = events('cold', raced)
const from = [Hot, Cold, Counter] as const

type Raced = { readonly token: string }
type Fact = Recorded & { readonly data: Raced }

/** The same for each kind of event. */
function forEachType<F>(of: F): { readonly 'hot.Raced': F; readonly 'cold.Raced': F; readonly 'counter.Added': F } {
  return { 'hot.Raced': of, 'cold.Raced': of, 'counter.Added': of }
}

/** A number that a token stands for: what an event does depends on it. */
const weight = (token: string): number => token.split('').reduce((sum, one) => sum + one.charCodeAt(0), 0)
/** Depends on the order of all it was made of. */
const nextLink = (chain: number, position: number): number => (chain * 31 + position) % 1_000_003

const Count = z.object({ count: z.int(), sum: z.int(), chain: z.int() })
const Tag = z.object({ count: z.int(), chain: z.int() })
const Open = z.object({ since: z.int(), count: z.int() })
type Evolve<Row> = (row: Row, data: Raced, event: Event & { readonly position: number }) => Row

/** One row for each instance, which may be that of several streams. */
const counts = (poison: Poison | null): AnyProjection =>
  projection('counts', {
    from,
    row: Count,
    initial: { count: 0, sum: 0, chain: 0 },
    indexes: ['sum'],
    evolve: forEachType<Evolve<z.infer<typeof Count>>>((row, { token }, { position }) =>
      applyPoison(poison, token, {
        count: row.count + 1,
        sum: row.sum + weight(token),
        chain: nextLink(row.chain, position),
      }),
    ),
  })

/** Up to twelve rows for each event. */
const tags: AnyProjection = projection('tags', {
  from,
  row: Tag,
  initial: { count: 0, chain: 0 },
  key: forEachType(({ token }: Raced) => {
    const first = weight(token)
    return Array.from({ length: 1 + (first % 12) }, (_, i) => `tag ${(first + 7 * i) % 60}`)
  }),
  evolve: forEachType<Evolve<z.infer<typeof Tag>>>((row, _, { position }) => ({
    count: row.count + 1,
    chain: nextLink(row.chain, position),
  })),
})

/** Rows that every third event deletes. */
const open: AnyProjection = projection('open', {
  from,
  row: Open,
  initial: { since: 0, count: 0 },
  key: forEachType(({ token }: Raced) => `room ${weight(token) % 50}`),
  evolve: forEachType<
    (row: z.infer<typeof Open>, data: Raced, event: { readonly position: number }) => z.infer<typeof Open> | null
  >(({ since, count }, { token }, { position }) =>
    weight(token) % 3 === 0 ? null : { since: since || position, count: count + 1 },
  ),
})

/** What a handling did, in a table that is the test's. */
export type Effect = {
  readonly key: string
  readonly id: string
  readonly stream: string
  readonly version: number
  readonly position: number
}

export type Serving = {
  readonly effect: (effects: readonly Effect[]) => unknown
  readonly report: {
    readonly create: (run: Run, table: string) => unknown
    readonly handle: (run: Run, table: string, facts: readonly Fact[]) => unknown
  }
  readonly poison: Poison | null
}
type Run = never

/** All that a node serves. */
export function buildServed({ effect, report, poison }: Serving): readonly Served[] {
  const effects = processor('effects', {
    from,
    start: 'beginning',
    batchSize: 50,
    parallelism: 4,
    retry: { firstMs: 50, maxMs: 10_000 },
    handle: (events, { keyOf }) =>
      effect(
        events.map(event => ({
          key: keyOf(event),
          id: event.id,
          stream: event.stream,
          version: event.version,
          position: event.position,
        })),
      ),
  })
  const reported = sqlProjection('report', {
    from,
    create: ({ sql, t }) => report.create(sql, t('seen')),
    handle: (events, { sql, t }) => report.handle(sql, t('seen'), events),
  })
  return [counter, counts(poison), tags, open, effects, reported]
}
