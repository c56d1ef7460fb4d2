import type { PendingAppend } from '../../../dispatch/append-batch.ts'
import { type Appendable, Appender } from '../../../dispatch/appender.ts'
import type { DecidedBatch } from '../../../dispatch/decide-batch.ts'

/**
 * Plants a bug into every dispatcher of this process: a rejection is answered as soon as it is decided, before the batch that it was
 * decided in has committed. Gives the function that takes it out again.
 */
export function plantEarlyRejections(): () => void {
  const { append } = Appender.prototype
  Appender.prototype.append = function <A extends PendingAppend>(this: Appender, appendable: Appendable<A>) {
    const takeAppend: typeof appendable.takeAppend = turn => {
      const taken = appendable.takeAppend(turn)
      return taken && 'batch' in taken ? { ...taken, batch: withoutRejected(taken.batch as DecidedBatch) } : taken
    }
    return append.call(this, { ...appendable, takeAppend }) as ReturnType<typeof append<A>>
  }
  return () => {
    Appender.prototype.append = append
  }
}

function withoutRejected(batch: DecidedBatch): DecidedBatch {
  const isRejected = (one: DecidedBatch['decided'][number]) => 'outcome' in one && one.outcome.outcome === 'rejected'
  for (const one of batch.decided.filter(isRejected)) if ('outcome' in one) one.command.answer(one.outcome)
  return { ...batch, decided: batch.decided.filter(one => !isRejected(one)) }
}
