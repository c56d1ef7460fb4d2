import { query, type Rows } from 'emaki'
import { z } from 'zod'
import { balances, fines } from './projections.ts'

const PAGE_ROWS = 1_000
/** Behind every key of one value of an index, so that the next row has the next value. */
const LAST_KEY = '\u{10ffff}'

/**
 * How many fines went each way through the process, the most frequent first.
 *
 * A fold by path would have to know a fine's path before an event, to count it there no longer, and an event does not carry it. So the path
 * is a field of the fine's own row, with an index, and the ways are counted when they are asked for: one step through the index for each.
 */
export const paths = query('paths', {
  params: z.object({}),
  cache: { ttl: '1 hour' },
  run: async (_, read) => {
    const rows = read(fines)
    const found: { readonly path: string; readonly fines: number }[] = []
    for (let after: { readonly key: string; readonly path: string } | null = null; ; ) {
      const [next]: readonly { readonly path: string }[] = await rows.list(
        {},
        { sort: 'path', limit: 1, ...(after && { after }) },
      )
      if (!next) return { paths: found.toSorted((one, other) => other.fines - one.fines) }
      found.push({ path: next.path, fines: await rows.count({ path: next.path }) })
      after = { key: LAST_KEY, path: next.path }
    }
  },
})

/** What is due and paid over all fines, and how many are settled. */
export const totals = query('totals', {
  params: z.object({}),
  cache: { ttl: '1 hour' },
  run: async (_, read) => {
    const rows = read(balances)
    let dueCents = 0
    let paidCents = 0
    for await (const row of all(rows)) {
      dueCents += row.dueCents
      paidCents += row.paidCents
    }
    const [unpaid, partly, fully, more] = await Promise.all(
      (['unpaid', 'partly', 'fully', 'more'] as const).map(settled => rows.count({ settled })),
    )
    return { dueCents, paidCents, unpaid: unpaid!, partly: partly!, fully: fully! + more!, more: more! }
  },
})

/** How long fines take until their first payment, of those that have one. */
export const paymentTimes = query('payment-times', {
  params: z.object({}),
  cache: { ttl: '1 hour' },
  run: async (_, read) => {
    const days: number[] = []
    for await (const { daysToPayment } of all(read(fines), 'daysToPayment')) if (daysToPayment !== null) days.push(daysToPayment)
    const at = (share: number) => days[Math.min(days.length - 1, Math.floor(days.length * share))] ?? null
    return { fines: days.length, medianDays: at(0.5), tenthDays: at(0.1), ninetiethDays: at(0.9) }
  },
})

/** All rows, a page at a time, by key or in the order of an index. */
async function* all<Row, I extends string>(rows: Rows<Row, I>, sort?: I): AsyncGenerator<Row & { readonly key: string }> {
  for (let after: (Row & { readonly key: string }) | null = null; ; ) {
    // A row has the values of its own indexes, which the compiler cannot see for whatever row this is.
    const behind = after && { after: after as never }
    const page: readonly (Row & { readonly key: string })[] = await rows.list(
      {},
      { limit: PAGE_ROWS, ...(sort && { sort }), ...behind },
    )
    yield* page
    if (page.length < PAGE_ROWS) return
    after = page.at(-1)!
  }
}
