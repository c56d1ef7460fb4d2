// What happens to a road-traffic fine: the eleven activities of an Italian police force's log. Money is in cents, days are YYYY-MM-DD.
import { events } from 'emaki'
import { z } from 'zod'

const day = z.iso.date()
const cents = z.int().nonnegative()
const Day = z.object({ day })

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
