// Baggage of W3C goes with what a request leads to while that is young. It is the caller's data, so no log keeps it:
// this process remembers it by the id of each event.
import { LRUCache } from 'lru-cache'
import { Notice, type Report } from '../report/notice.ts'
import { acceptBaggage } from './accept-baggage.ts'

/** How long an event's baggage is remembered, in ms: as long as its trace goes on. */
const KEPT_MS = 50_000
/** Of how many events, and how much of it in all, in characters. The oldest is forgotten first. */
const EVENTS_MAX = 10_000
const KEPT_SIZE_MAX = 8_388_608
export class Baggages {
  readonly #kept = new LRUCache<string, string>({
    max: EVENTS_MAX,
    maxSize: KEPT_SIZE_MAX,
    sizeCalculation: ({ length }) => length,
    ttl: KEPT_MS,
  })
  readonly #report: Report
  #isTold = false

  constructor(report: Report) {
    this.#report = report
  }

  /**
   * The function that notes the events that a caller's baggage goes with. Undefined: there is none. What is malformed or
   * too much is passed over, and the first time is reported. `current` is the baggage of the running code, which may have
   * changed it since the request came. Default: the caller's.
   */
  carry(given: string | undefined, current: string | undefined = given): ((eventId: string) => void) | undefined {
    const own = this.#accept(given)
    const baggage = current === given ? own : this.#accept(current)
    return baggage === undefined ? undefined : id => void this.#kept.set(id, baggage)
  }

  /** The baggage of a young event of this process. */
  of(eventId: string): string | undefined {
    return this.#kept.get(eventId)
  }

  #accept(given: string | undefined): string | undefined {
    if (!given) return undefined
    const { baggage, problem } = acceptBaggage(given)
    if (problem !== null) this.#tell(problem)
    return baggage
  }

  #tell(problem: string): void {
    if (this.#isTold) return
    this.#isTold = true
    const message = `Baggage of a caller was passed over: ${problem}. Further baggage is passed over without a record.`
    this.#report(new Notice({ level: 'warn', code: 'baggage-ignored', message }))
  }
}
