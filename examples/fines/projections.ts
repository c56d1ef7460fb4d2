import { projection } from 'emaki'
import { z } from 'zod'
import { Fine } from './fine.ts'

const cents = z.int().nonnegative()
const days = z.int().nullable()

const Row = z.object({
  /** The latest thing that happened to it. */
  status: z.enum(['created', 'sent', 'notified', 'penalized', 'appealed', 'paid', 'collecting']),
  /** All that happened to it, in order. */
  path: z.string(),
  createdOn: z.string(),
  notifiedOn: z.string().nullable(),
  daysToPayment: days,
  daysToPenalty: days,
})
type Row = z.infer<typeof Row>

/** One step on: a new status, and a longer path. */
const stepped = (row: Row, status: Row['status'], step: string): Row => ({
  ...row,
  status,
  path: row.path === '' ? step : `${row.path} > ${step}`,
})
const between = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 86_400_000

/** Where each fine is in the process, and how it came there. */
export const fines = projection('fines', {
  from: Fine,
  row: Row,
  initial: { status: 'created', path: '', createdOn: '', notifiedOn: null, daysToPayment: null, daysToPenalty: null },
  indexes: ['status', 'path', 'daysToPayment', 'daysToPenalty'],
  evolve: {
    Created: (fine, { day }) => ({ ...stepped(fine, 'created', 'Created'), createdOn: day }),
    Sent: fine => stepped(fine, 'sent', 'Sent'),
    NotificationInserted: (fine, { day }) => ({ ...stepped(fine, 'notified', 'NotificationInserted'), notifiedOn: day }),
    PenaltyAdded: (fine, { day }) => ({
      ...stepped(fine, 'penalized', 'PenaltyAdded'),
      daysToPenalty: fine.notifiedOn === null ? null : between(fine.notifiedOn, day),
    }),
    Paid: (fine, { day }) => ({
      ...stepped(fine, 'paid', 'Paid'),
      daysToPayment: fine.daysToPayment ?? between(fine.createdOn, day),
    }),
    SentToCreditCollection: fine => stepped(fine, 'collecting', 'SentToCreditCollection'),
    AppealDateInserted: fine => stepped(fine, 'appealed', 'AppealDateInserted'),
    AppealSentToPrefecture: fine => stepped(fine, 'appealed', 'AppealSentToPrefecture'),
    AppealResultReceived: fine => stepped(fine, 'appealed', 'AppealResultReceived'),
    AppealResultNotified: fine => stepped(fine, 'appealed', 'AppealResultNotified'),
    AppealedToJudge: fine => stepped(fine, 'appealed', 'AppealedToJudge'),
  },
})

const Balance = z.object({
  /** The fine, or the penalty's amount once there is one. */
  fineCents: cents,
  expenseCents: cents,
  dueCents: cents,
  paidCents: cents,
  settled: z.enum(['unpaid', 'partly', 'fully', 'more']),
})
type Balance = z.infer<typeof Balance>

/** A balance as it is after a change. Who has paid nothing has not paid, also where nothing is due. */
function balanced(balance: Balance, change: Partial<Balance>): Balance {
  const next = { ...balance, ...change }
  const dueCents = next.fineCents + next.expenseCents
  return { ...next, dueCents, settled: settledOf(dueCents, next.paidCents) }
}

function settledOf(dueCents: number, paidCents: number): Balance['settled'] {
  if (paidCents === 0) return 'unpaid'
  if (paidCents < dueCents) return 'partly'
  return paidCents === dueCents ? 'fully' : 'more'
}

/** What is due and paid for each fine. */
export const balances = projection('balances', {
  from: Fine,
  row: Balance,
  initial: { fineCents: 0, expenseCents: 0, dueCents: 0, paidCents: 0, settled: 'unpaid' },
  indexes: ['settled', 'dueCents'],
  evolve: {
    Created: (balance, { cents }) => balanced(balance, { fineCents: cents }),
    Sent: (balance, { expenseCents }) => balanced(balance, { expenseCents: balance.expenseCents + expenseCents }),
    PenaltyAdded: (balance, { cents }) => balanced(balance, { fineCents: cents }),
    Paid: (balance, { cents }) => balanced(balance, { paidCents: balance.paidCents + cents }),
  },
})

/** What came in, by month: the key is `2007-03`. */
export const income = projection('income', {
  from: Fine,
  row: z.object({ payments: z.int(), cents }),
  initial: { payments: 0, cents: 0 },
  key: { Paid: ({ day }) => day.slice(0, 7) },
  evolve: { Paid: (month, { cents }) => ({ payments: month.payments + 1, cents: month.cents + cents }) },
})

const Activity = z.object({ count: z.int(), cents })
type Activity = z.infer<typeof Activity>
const counted = (row: Activity, cents = 0): Activity => ({ count: row.count + 1, cents: row.cents + cents })
const byType = (_: unknown, { type }: { readonly type: string }): string => type

/** How often each thing happened, and the money that it named. The key is the event's type. */
export const activities = projection('activities', {
  from: Fine,
  row: Activity,
  initial: { count: 0, cents: 0 },
  key: {
    Created: byType,
    Sent: byType,
    NotificationInserted: byType,
    PenaltyAdded: byType,
    Paid: byType,
    SentToCreditCollection: byType,
    AppealDateInserted: byType,
    AppealSentToPrefecture: byType,
    AppealResultReceived: byType,
    AppealResultNotified: byType,
    AppealedToJudge: byType,
  },
  evolve: {
    Created: (row, { cents }) => counted(row, cents),
    Sent: (row, { expenseCents }) => counted(row, expenseCents),
    NotificationInserted: row => counted(row),
    PenaltyAdded: (row, { cents }) => counted(row, cents),
    Paid: (row, { cents }) => counted(row, cents),
    SentToCreditCollection: row => counted(row),
    AppealDateInserted: row => counted(row),
    AppealSentToPrefecture: row => counted(row),
    AppealResultReceived: row => counted(row),
    AppealResultNotified: row => counted(row),
    AppealedToJudge: row => counted(row),
  },
})
