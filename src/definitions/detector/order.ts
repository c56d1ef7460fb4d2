// Watches which type of event follows which in a stream. A type that never followed another one is called where that is
// unlikely. By Good and Turing, what has not been seen yet has the share that was seen once: nearly nothing where the
// order is strict, and much where it is free.
import type { OrderFinding } from './finding.ts'
import { EXAMPLES, type FollowsCount, type HourCount, STREAM_BEGIN } from './hour-row.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, YEAR_MS } from './settings.ts'

/** The share of unseen followers below which one is called. At least 333 events have to be followed before. */
const UNSEEN_MAX = 0.003
/** A finding closes so long after its last event, and at the latest so long after it was found: then it is usual. */
const QUIET_MS = DAY_MS
const USUAL_MS = 7 * DAY_MS

/** What followed a type so far. */
type Followed = {
  /** How many events did, of which type. */
  readonly followers: Map<string, number>
  events: number
  /** The hour of the first. */
  readonly since: number
}

/** How strict the order after a type is. */
export type OrderSight = {
  /** The type: `order.Placed`, or `order begin` for the begin of a stream. */
  readonly after: string
  /** How many events followed it, and of how many types. */
  readonly events: number
  readonly followers: number
  /** The share of events that is expected to be of types that never followed it. */
  readonly unseenShare: number
  /** Whether such an event is called. If not, the order is too free, or too little was seen. */
  readonly isWatched: boolean
  /** How many calls a year that makes by chance at most, if it is watched. */
  readonly falseCallsInYear: number
}

/** A finding, and when it closes if nothing comes before. */
type Called = { readonly finding: OrderFinding; readonly closesAt: number }
type Pair = { readonly after: string; readonly count: HourCount; readonly counted: FollowsCount }

export class OrderWatch {
  readonly #followed = new Map<string, Followed>()
  readonly #called = new Map<string, Called>()

  /** Takes the counts of an hour, all of them. Hours come in the order of time. */
  closeHour(counts: readonly HourCount[]): void {
    const pairs = counts.flatMap(pairsOf)
    // All are judged by the hours before, in whichever order they came within this one.
    for (const [key, called] of this.#judge(pairs)) this.#called.set(key, called)
    for (const pair of pairs) this.#learn(pair)
  }

  /** What was found until a time. `counts`: those of the hour that is not over. */
  findingsAt(counts: readonly HourCount[], until: number): readonly OrderFinding[] {
    const current = new Map([...this.#called, ...this.#judge(counts.flatMap(pairsOf))])
    return [...current.values()]
      .filter(({ finding }) => finding.openedAt <= until)
      .map(({ finding, closesAt }) => (closesAt <= until ? { ...finding, closedAt: closesAt } : finding))
  }

  /** What can be seen after each type, at the end of an hour. */
  sightsAt(until: number): readonly OrderSight[] {
    const all = [...this.#followed].toSorted(([one], [other]) => (one < other ? -1 : 1))
    return all.map(([after, followed]) => {
      const unseenShare = unseenShareOf(followed)
      const isWatched = unseenShare < UNSEEN_MAX
      const { events, followers } = followed
      const inYear = isWatched ? falseCallsInYear(followed, until) : 0
      return { after, events, followers: followers.size, unseenShare, isWatched, falseCallsInYear: inYear }
    })
  }

  /** Calls what never followed before, and goes on with what was called. */
  #judge(pairs: readonly Pair[]): ReadonlyMap<string, Called> {
    const found = new Map<string, Called>()
    for (const pair of pairs) {
      const key = keyOf(pair)
      const called = this.#called.get(key)
      const now = called ? goOn(called, pair) : this.#call(pair)
      if (now) found.set(key, now)
    }
    return found
  }

  #call(pair: Pair): Called | null {
    const { after, count, counted } = pair
    const followed = this.#followed.get(after)
    if (!followed || followed.followers.has(count.subject) || unseenShareOf(followed) >= UNSEEN_MAX) return null
    const since = count.hour + counted.minute * MINUTE_MS
    const finding: OrderFinding = {
      ...{ kind: 'order', subject: count.subject, after, since, openedAt: since + MINUTE_MS, closedAt: null },
      ...{ seen: counted.events, examples: counted.first },
      ...{ eventsBefore: followed.events, unseenShare: unseenShareOf(followed) },
      falseCallsInYear: falseCallsInYear(followed, count.hour),
    }
    return { finding, closesAt: count.hour + HOUR_MS + QUIET_MS }
  }

  #learn({ after, count, counted }: Pair): void {
    const followed = this.#followed.get(after) ?? { followers: new Map<string, number>(), events: 0, since: count.hour }
    this.#followed.set(after, followed)
    followed.events += counted.events
    followed.followers.set(count.subject, (followed.followers.get(count.subject) ?? 0) + counted.events)
  }
}

function pairsOf(count: HourCount): readonly Pair[] {
  const category = count.subject.slice(0, count.subject.lastIndexOf('.'))
  return Object.entries(count.follows).map(([type, counted]) => {
    const after = type === STREAM_BEGIN ? `${category} begin` : `${category}.${type}`
    return { after, count, counted }
  })
}

const keyOf = ({ after, count: { subject } }: Pair) => `${after} ${subject}`

/** A finding with the events of a further hour. What came after it was over changes nothing. */
function goOn(called: Called, { count: { hour }, counted }: Pair): Called {
  const { finding, closesAt } = called
  if (hour >= closesAt) return called
  const examples = [...finding.examples, ...counted.first].slice(0, EXAMPLES)
  const quietAt = hour + HOUR_MS + QUIET_MS
  return {
    finding: { ...finding, seen: finding.seen + counted.events, examples },
    closesAt: Math.min(quietAt, finding.since - (finding.since % HOUR_MS) + USUAL_MS),
  }
}

/** The share of what was never seen, by Good and Turing, as if one more had been seen once: rather too much than too little. */
function unseenShareOf({ followers, events }: Followed): number {
  const once = [...followers.values()].filter(count => count === 1).length
  return (once + 1) / (events + 1)
}

/** How many unseen followers are expected in a year at most, at the rate of the events so far. */
function falseCallsInYear(followed: Followed, until: number): number {
  const years = Math.max(HOUR_MS, until - followed.since) / YEAR_MS
  return (unseenShareOf(followed) * followed.events) / years
}
