// Baggage of W3C goes with what a request leads to while that is young. It is the caller's data, so no log keeps it:
// this process remembers it by the id of each event.
import { LRUCache } from 'lru-cache'
import { Notice, type Report } from '../report/notice.ts'

/** How long an event's baggage is remembered, in ms: as long as its trace goes on. */
const KEPT_MS = 50_000
/** Of how many events, and how much of it in all, in characters. The oldest is forgotten first. */
const EVENTS_MAX = 10_000
const KEPT_SIZE_MAX = 8_388_608
/** What W3C asks everybody to pass on at least is what passes on here at most: characters, and members. */
export const BAGGAGE_SIZE_MAX = 8_192
export const BAGGAGE_MEMBERS_MAX = 64

const TOKEN = "[!#$%&'*+\\-.^_`|~\\w]+"
const VALUE = '[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*'
const PAIR = `[ \\t]*${TOKEN}[ \\t]*=[ \\t]*${VALUE}[ \\t]*`
const MEMBER = new RegExp(`^${PAIR}(?:;(?:${PAIR}|[ \\t]*${TOKEN}[ \\t]*))*$`)

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
   * The function that notes the events that a caller's baggage goes with. Undefined: there is none. One that is malformed
   * or too long is passed over, and the first one is reported.
   */
  carry(baggage: string | undefined): ((eventId: string) => void) | undefined {
    if (!baggage) return undefined
    const wrong = baggageProblem(baggage)
    if (wrong !== null) return this.#pass(wrong)
    return id => void this.#kept.set(id, baggage)
  }

  /** The baggage of a young event of this process. */
  of(eventId: string): string | undefined {
    return this.#kept.get(eventId)
  }

  #pass(wrong: string): undefined {
    if (this.#isTold) return
    this.#isTold = true
    const message = `Baggage of a caller was passed over: ${wrong}. Further ones are passed over without a record.`
    this.#report(new Notice({ level: 'warn', code: 'baggage-ignored', message }))
  }
}

function baggageProblem(baggage: string): string | null {
  const { length } = baggage
  if (length > BAGGAGE_SIZE_MAX) return `it has ${length} characters, of ${BAGGAGE_SIZE_MAX} at most`
  const members = baggage.split(',')
  if (members.length > BAGGAGE_MEMBERS_MAX) return `it has ${members.length} members, of ${BAGGAGE_MEMBERS_MAX} at most`
  return members.every(member => MEMBER.test(member)) ? null : 'it is not as W3C has it, key=value,key=value'
}
