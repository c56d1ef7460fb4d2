// What happens to a road-traffic fine: the eleven activities of an Italian police force's log. Money is in cents, days are YYYY-MM-DD.
import { decider, events, reject } from 'emaki'
import { z } from 'zod'

const day = z.iso.date()
const cents = z.int().nonnegative()
const Day = z.object({ day })

/**
 * What a fine comes to with its penalty: half of the most that its article allows, where the fine is the least. The law names both, and
 * changes them every other year; these are the seven pairs of the log.
 */
const PENALTIES: ReadonlyMap<number, number> = new Map([
  [2_100, 4_250],
  [2_200, 4_400],
  [2_300, 4_600],
  [3_500, 7_150],
  [3_600, 7_400],
  [7_100, 14_300],
  [7_400, 14_800],
])

export const Fine = events('fine', {
  Created: z.object({
    day,
    cents,
    article: z.string(),
    vehicleClass: z.string(),
    points: z.int().nonnegative(),
    dismissal: z.string(),
  }),
  /** The postage is due on top of the fine. */
  Sent: z.object({ day, expenseCents: cents }),
  NotificationInserted: z.object({ day, notificationType: z.string() }),
  /** `cents` is what the fine comes to from now on, in place of what it was created with. */
  PenaltyAdded: z.object({ day, cents }),
  Paid: z.object({ day, cents }),
  SentToCreditCollection: Day,
  AppealDateInserted: Day,
  AppealSentToPrefecture: z.object({ day, dismissal: z.string() }),
  AppealResultReceived: Day,
  AppealResultNotified: Day,
  AppealedToJudge: z.object({ day, dismissal: z.string() }),
})

type State = { readonly cents: number; readonly isNotified: boolean; readonly isPenalized: boolean }
const asItIs = (fine: State): State => fine

/** Most of the log happens without being asked. What is decided is the penalty. */
export const fine = decider(Fine, {
  initial: { cents: 0, isNotified: false, isPenalized: false },
  evolve: {
    Created: (fine, { cents }) => ({ ...fine, cents }),
    Sent: asItIs,
    NotificationInserted: fine => ({ ...fine, isNotified: true }),
    PenaltyAdded: (fine, { cents }) => ({ ...fine, cents, isPenalized: true }),
    Paid: asItIs,
    SentToCreditCollection: asItIs,
    AppealDateInserted: asItIs,
    AppealSentToPrefecture: asItIs,
    AppealResultReceived: asItIs,
    AppealResultNotified: asItIs,
    AppealedToJudge: asItIs,
  },
  commands: { addPenalty: Day },
  decide: {
    addPenalty: ({ cents, isNotified, isPenalized }, { day }) => {
      if (!isNotified) return reject('not-notified')
      return isPenalized ? [] : Fine.PenaltyAdded({ day, cents: PENALTIES.get(cents) ?? 2 * cents })
    },
  },
})
