// The real log of fines by HTTP, against totals that are known. It is not part of the repository: FINES_CSV says where it is.
import { test } from 'bun:test'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stores } from './testing/stores.ts'
import { expectTotals, serveFines, type Totals } from './testing/totals.ts'

const REAL = process.env['FINES_CSV'] ?? join(import.meta.dir, '../../../shared/data/traffic-fines.csv')

const REAL_TOTALS: Totals = {
  events: 34_724,
  counts: {
    Created: 10_000,
    Sent: 6_570,
    NotificationInserted: 4_635,
    PenaltyAdded: 4_635,
    Paid: 4_910,
    SentToCreditCollection: 3_387,
    AppealDateInserted: 232,
    AppealSentToPrefecture: 227,
    AppealResultReceived: 55,
    AppealResultNotified: 54,
    AppealedToJudge: 19,
  },
  createdCents: 34_558_000,
  expenseCents: 8_663_210,
  dueCents: 59_949_960,
  paidCents: 22_175_540,
  unpaid: 5_374,
  partly: 266,
  fully: 4_360,
  more: 58,
  paths: 44,
  frequent: { path: 'Created > Paid', fines: 3_428 },
}

for (const [name, make] of Object.entries(stores)) {
  test(`the real log of fines on ${name} has its known totals`, async () => {
    if (!existsSync(REAL)) {
      console.warn(`fines: NOT CHECKED against the totals of the real log: there is no ${REAL}; set FINES_CSV`)
      return
    }
    const { ask, stop } = await serveFines(await make(), REAL, REAL_TOTALS.events)
    try {
      await expectTotals(ask, REAL_TOTALS)
      console.log(`fines: checked ${REAL_TOTALS.events} events against the totals`)
    } finally {
      await stop()
    }
  })
}
