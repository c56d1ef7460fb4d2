// verify: whether the log is what a store that keeps its promises holds; 1 where it is not.
import { spec } from '../event/events.ts'
import type { EventsSpec } from '../event/events.ts'
import type { Served } from '../runtime.ts'
import { verified } from '../transfer/verify.ts'
import { progress } from './progress.ts'
import { type Call, opened } from './rows.ts'

/** Verifies the log; gives the exit code. */
export function verify(call: Call): Promise<number> {
  return opened(call, async store => {
    const shown = progress('verify', 'positions')
    const found = await verified(store, familiesOf(call.serve), shown.at)
    const { events, position, wrong, count } = found
    shown.end(`${events.toLocaleString('en')} events up to ${position} verified, ${count.toLocaleString('en')} wrong`)
    if (call.json) console.log(JSON.stringify(found))
    else for (const one of wrong) console.log(`${one.position}  ${one.stream} ${one.version}  ${one.problem}`)
    return count === 0 ? 0 : 1
  })
}

/** The families of all that is served, by category. */
function familiesOf(serve: readonly Served[]): ReadonlyMap<string, EventsSpec> {
  const families = new Map<string, EventsSpec>()
  for (const one of serve) {
    // A decider has one family, what follows the log has several, and a query none.
    const { events, families: several } = one[spec] as { events?: EventsSpec; families?: ReadonlyMap<string, EventsSpec> }
    for (const family of [...(events ? [events] : []), ...(several?.values() ?? [])]) families.set(family.name, family)
  }
  return families
}
