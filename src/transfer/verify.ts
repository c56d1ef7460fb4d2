// Reads the whole log and finds violations of a store's promises.
import { type EventsSpec, checkEvent } from '../definitions/event/events.ts'
import { readRecorded } from '../definitions/event/recorded.ts'
import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import { logPages } from '../ports/store/pages.ts'
import type { PromiseName } from '../ports/report/broken-promise.ts'
import { type EventPlace, Versions } from '../ports/store/sequence.ts'
import type { Store } from '../ports/store/store.ts'

/** The place of a violation. For one at the end of the log, the stream is empty and the version is 0. */
export type Violation = EventPlace & {
  readonly problem: string
  /** The promise that it breaks. Null: none, as where today's definitions cannot read an event. */
  readonly promise: PromiseName | null
}
export type VerifyResult = {
  readonly events: number
  /** The last position that was read. */
  readonly position: number
  /** The first violations; `count` is the number of all. */
  readonly wrong: readonly Violation[]
  readonly count: number
}

const WRONG_SHOWN = 1_000

/**
 * Verifies the log: positions rise, and times never fall; versions of a stream are 1..n; payloads and metas are JSON; today's definitions can
 * read the events of the served categories; no id occurs twice. It holds one number a stream, and a hash of eight bytes
 * an event.
 */
export async function verifyLog(
  store: Store,
  families: ReadonlyMap<string, EventsSpec>,
  told: (position: number, head: number) => void = () => {},
): Promise<VerifyResult> {
  const until = await store.head()
  const found: Violation[] = []
  let count = 0
  const wrong = ({ position, stream, version }: EventPlace, promise: PromiseName | null, problem: string) => {
    count++
    if (found.length < WRONG_SHOWN) found.push({ position, stream, version, problem, promise })
  }
  const versions = new Versions(0)
  const ids = new Hashes()
  let last = 0
  let lastAt = ''
  for await (const page of logPages(store, { until, seesHoles: false })) {
    for (const event of page) {
      if (event.position <= last) wrong(event, 'order', `its position does not rise: ${last} is before it`)
      last = Math.max(last, event.position)
      if (event.at < lastAt) wrong(event, 'clock', `its time is ${event.at}, and that of the event before it ${lastAt}`)
      lastAt = event.at
      const expected = versions.take(event)
      if (expected !== null) wrong(event, 'order', `version ${expected} is expected`)
      const problem = readProblem(event, families)
      if (problem !== null) wrong(event, isJson(event.data) && isJson(event.meta) ? null : 'immutability', problem)
      ids.add(event.id)
    }
    told(last, until)
  }
  for await (const [event, first] of findRepeated(store, until, ids.twice()))
    wrong(event, 'once', `its id ${event.id} stands at position ${first} too`)
  if (last < until) wrong({ position: until, stream: '', version: 0 }, 'order', `the log ends at ${last}, its head is ${until}`)
  return { events: ids.size, position: last, wrong: found.sort((a, b) => a.position - b.position), count }
}

function readProblem(event: StoredEvent, families: ReadonlyMap<string, EventsSpec>): string | null {
  const part = isJson(event.data) ? (isJson(event.meta) ? null : 'its meta is no JSON') : 'its payload is no JSON'
  const family = families.get(categoryOf(event.stream))
  if (part !== null || !family) return part
  try {
    for (const { category, type, data } of readRecorded(family, event)) checkEvent(family, { category, type, data })
    return null
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/**
 * Gives the events whose id occurred before, with the position of the first one. `hashes`: the hashes that occur more
 * than once.
 */
async function* findRepeated(
  store: Store,
  until: number,
  hashes: ReadonlySet<bigint>,
): AsyncGenerator<readonly [StoredEvent, first: number]> {
  if (!hashes.size) return
  const first = new Map<string, number>()
  for await (const page of logPages(store, { until, seesHoles: false }))
    for (const event of page) {
      if (!hashes.has(Bun.hash.xxHash64(event.id))) continue
      const before = first.get(event.id)
      if (before === undefined) first.set(event.id, event.position)
      else yield [event, before]
    }
}

/** Collects hashes, and finds those that were added more than once. */
class Hashes {
  #all = new BigUint64Array(65_536)
  size = 0

  add(text: string): void {
    if (this.size === this.#all.length) {
      const more = new BigUint64Array(this.size * 2)
      more.set(this.#all)
      this.#all = more
    }
    this.#all[this.size++] = Bun.hash.xxHash64(text)
  }

  twice(): ReadonlySet<bigint> {
    const sorted = this.#all.subarray(0, this.size).sort()
    const found = new Set<bigint>()
    for (let i = 1; i < sorted.length; i++) if (sorted[i] === sorted[i - 1]) found.add(sorted[i]!)
    return found
  }
}
