import { chain } from '../../dispatch/chain.ts'
import { Desk } from '../../dispatch/desk.ts'
import { untraced } from '../../trace/trace.ts'

/**
 * Plants a bug into every dispatcher of this process: a rejection is answered as soon as it is decided, before the chain that it was
 * decided on has committed. Gives the function that takes it out again.
 */
export function earlyRejections(): () => void {
  const { draft } = Desk.prototype
  Desk.prototype.draft = function (this: Desk) {
    const { decided } = chain(this.stream, this.folded!, this.queue, Date.now(), untraced)
    const rejected = decided.flatMap(one => (one.kind === 'rejected' ? [one] : []))
    this.queue = this.queue.filter(member => !rejected.some(one => one.member === member))
    for (const { member, outcome } of rejected) member.answer(outcome)
    return draft.call(this)
  }
  return () => {
    Desk.prototype.draft = draft
  }
}
