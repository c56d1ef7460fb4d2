// The sample of fines by HTTP, against totals that were added up by hand.
import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { join } from 'node:path'
import { stores } from './testing/stores.ts'
import { expectTotals, type ServedFines, serveFines, type Totals } from './testing/totals.ts'

const SAMPLE = join(import.meta.dir, 'sample.csv')

/** Added up by hand. */
const SAMPLE_TOTALS: Totals = {
  events: 31,
  counts: {
    Created: 7,
    Sent: 5,
    NotificationInserted: 4,
    PenaltyAdded: 4,
    Paid: 5,
    SentToCreditCollection: 1,
    AppealDateInserted: 1,
    AppealSentToPrefecture: 1,
    AppealResultReceived: 1,
    AppealResultNotified: 1,
    AppealedToJudge: 1,
  },
  createdCents: 27_850,
  expenseCents: 7_260,
  dueCents: 51_235,
  paidCents: 20_850,
  unpaid: 3,
  partly: 1,
  fully: 3,
  more: 1,
  paths: 6,
  frequent: { path: 'Created > Paid', fines: 2 },
}

for (const [name, make] of Object.entries(stores)) {
  describe(`the sample of fines, on ${name}`, () => {
    let one: ServedFines
    beforeAll(async () => {
      one = await serveFines(await make(), SAMPLE, SAMPLE_TOTALS.events)
    })
    afterAll(() => one.stop())

    test(`the sample of fines on ${name} has the totals that were added up by hand`, () => expectTotals(one.ask, SAMPLE_TOTALS))

    test(`the sample of fines on ${name} answers with a fine, its balance and a month`, async () => {
      expect<unknown>(await one.ask('/fines/S6')).toEqual({
        key: 'S6',
        status: 'paid',
        path: 'Created > Sent > NotificationInserted > AppealDateInserted > PenaltyAdded > AppealSentToPrefecture > AppealResultReceived > AppealResultNotified > Paid',
        createdOn: '2010-03-01',
        notifiedOn: '2010-06-22',
        daysToPayment: 298,
        daysToPenalty: 60,
      })
      expect<unknown>(await one.ask('/balances/S5')).toEqual({
        key: 'S5',
        fineCents: 8_000,
        expenseCents: 1_350,
        dueCents: 9_350,
        paidCents: 10_000,
        settled: 'more',
      })
      expect<unknown>(await one.ask('/income/2010-02')).toEqual({ key: '2010-02', payments: 1, cents: 3_850 })
      expect<unknown>(await one.ask('/payment-times')).toEqual({ fines: 4, medianDays: 185, tenthDays: 3, ninetiethDays: 298 })
    })

    test(`the sample of fines on ${name} with another total is refused by this test`, async () => {
      const { dueCents, unpaid, paths } = SAMPLE_TOTALS
      for (const wrong of [{ dueCents: dueCents + 1 }, { unpaid: unpaid + 1 }, { paths: paths + 1 }])
        await expect(expectTotals(one.ask, { ...SAMPLE_TOTALS, ...wrong })).rejects.toThrow('expect(received)')
    })
  })
}
