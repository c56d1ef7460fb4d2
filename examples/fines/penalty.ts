// A fine that was notified grows on the 60th day after that. So it does in the whole log, whatever else happened to it: to the 26 that
// somebody had paid towards by then, 3 of them in full, and to the 203 that were appealed against. Nothing takes the timer back but the
// penalty itself. A process that stopped for a payment, as one might think it should, would be another police's.
import { after, processManager } from 'emaki'
import { Fine, fine } from './fine.ts'

const DAYS = 60

export const penalty = processManager('penalty', {
  from: Fine,
  to: fine,
  begins: 'NotificationInserted',
  // A log that was imported is history: its penalties were added by hand.
  start: 'now',
  initial: { notifiedOn: '' },
  evolve: {
    NotificationInserted: (_, { day }) => ({ notifiedOn: day }),
    // Also one that was added by hand, or imported: the instance ends, and its timer with it.
    PenaltyAdded: () => null,
  },
  react: {
    NotificationInserted: ({ notifiedOn }, _, { instance }) =>
      after(`${DAYS} days`, 'penalty', fine.addPenalty(instance, { day: daysLater(notifiedOn, DAYS) })),
  },
  // A fine that takes no penalty any more was paid, or ended otherwise.
  on: { rejected: () => [] },
})

function daysLater(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10)
}
