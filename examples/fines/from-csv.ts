// A line of the police's CSV as a fact.
import { importMap } from 'emaki'
import { z } from 'zod'
import { Fine } from './fine.ts'

/** Euros with at most two decimals to cents, digit by digit: 18.6 times 100 is no whole number to a computer. */
const euros = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,2})?$/, 'expected an amount in euros')
  .transform(text => {
    const [whole = '0', part = ''] = text.split('.')
    return Number(whole) * 100 + Number(part.padEnd(2, '0'))
  })
/** The source lost the decimal point of payments: 870 is 87.00. */
const tenths = z
  .string()
  .regex(/^\d{1,9}$/, 'expected an amount in tenths of a euro')
  .transform(text => Number(text) * 10)
const whole = z
  .string()
  .regex(/^\d{1,4}$/, 'expected a whole number')
  .transform(Number)

const shared = { case_id: z.string().min(1), timestamp: z.iso.date() }
const line = <A extends string, S extends z.ZodRawShape>(activity: A, shape: S) =>
  z.object({ ...shared, activity: z.literal(activity), ...shape })

const Line = z.discriminatedUnion('activity', [
  line('Create Fine', { amount: euros, article: z.string(), vehicleclass: z.string(), points: whole, dismissal: z.string() }),
  line('Send Fine', { expense: euros }),
  line('Insert Fine Notification', { notificationtype: z.string() }),
  line('Add penalty', { amount: euros }),
  line('Payment', { paymentamount: tenths }),
  line('Send for Credit Collection', {}),
  line('Insert Date Appeal to Prefecture', {}),
  line('Send Appeal to Prefecture', { dismissal: z.string() }),
  line('Receive Result Appeal from Prefecture', {}),
  line('Notify Result Appeal to Offender', {}),
  line('Appeal to Judge', { dismissal: z.string() }),
])

function factOf(line: z.output<typeof Line>) {
  const day = line.timestamp
  switch (line.activity) {
    case 'Create Fine':
      return Fine.Created({
        day,
        cents: line.amount,
        article: line.article,
        vehicleClass: line.vehicleclass,
        points: line.points,
        dismissal: line.dismissal,
      })
    case 'Send Fine':
      return Fine.Sent({ day, expenseCents: line.expense })
    case 'Insert Fine Notification':
      return Fine.NotificationInserted({ day, notificationType: line.notificationtype })
    case 'Add penalty':
      return Fine.PenaltyAdded({ day, cents: line.amount })
    case 'Payment':
      return Fine.Paid({ day, cents: line.paymentamount })
    case 'Send for Credit Collection':
      return Fine.SentToCreditCollection({ day })
    case 'Insert Date Appeal to Prefecture':
      return Fine.AppealDateInserted({ day })
    case 'Send Appeal to Prefecture':
      return Fine.AppealSentToPrefecture({ day, dismissal: line.dismissal })
    case 'Receive Result Appeal from Prefecture':
      return Fine.AppealResultReceived({ day })
    case 'Notify Result Appeal to Offender':
      return Fine.AppealResultNotified({ day })
    case 'Appeal to Judge':
      return Fine.AppealedToJudge({ day, dismissal: line.dismissal })
  }
}

export default importMap({
  from: Fine,
  record: Line,
  // The source knows days only.
  map: line => ({ stream: `fine-${line.case_id}`, event: factOf(line), occurredAt: `${line.timestamp}T00:00:00Z` }),
})
