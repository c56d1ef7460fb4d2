// The records of an import, and what it means that two of them have one id.
import { StoreError } from './errors.ts'
import type { NewEvent, StoredEvent } from './event.ts'

/** An event for a stream. The log keeps the order of the records. `line`: its line in the file that it comes from. */
export type NewRecord = NewEvent & { readonly stream: string; readonly line?: number }

/** Reads records from the first one, once. */
export type Records = () => AsyncIterable<readonly NewRecord[]>

/** A record, and the event of the log or the earlier record that has its id. */
export type Twin = { readonly record: NewRecord; readonly other: NewRecord | StoredEvent }

const DIFFERENCES_SHOWN = 20

/** Counts records that were there already, and collects those that differ from what was there. */
export class Twins {
  known = 0
  #count = 0
  readonly #shown: string[] = []

  take(twins: readonly Twin[]): void {
    this.known += twins.length
    for (const twin of twins) {
      const found = differenceOf(twin)
      if (found === null) continue
      this.#count++
      if (this.#shown.length < DIFFERENCES_SHOWN) this.#shown.push(differenceText(twin, found))
    }
  }

  /** Throws if a record differs. So nothing of an import is moved that says another thing of the same event. */
  refuseDifferences(): void {
    if (this.#count === 0) return
    const more = this.#count > this.#shown.length ? [`… and ${this.#count - this.#shown.length} more`] : []
    const head = `an event is in the log once, so nothing was imported; ${this.#count} of the ids are those of other events`
    throw new StoreError('refused', [head, ...[...this.#shown, ...more].map(line => `  ${line}`)].join('\n'))
  }
}

/** Throws if a record differs from the event or record with its id. */
export function refuseDifferences(twins: readonly Twin[]): void {
  const found = new Twins()
  found.take(twins)
  found.refuseDifferences()
}

/** Names the first difference of two events with one id; null: they are the same fact. */
function differenceOf({ record, other }: Twin): string | null {
  if (record.stream !== other.stream) return `another stream, ${other.stream}`
  if (record.type !== other.type) return `another type, ${other.type}`
  if (record.data !== other.data) return 'other data'
  const [time, before] = [occurredAt(record), occurredAt(other)]
  // An event that was not imported happened when it came into its log.
  const otherTime = before ?? (time !== undefined && 'at' in other ? other.at : undefined)
  return sameTime(time, otherTime) ? null : `another time, ${otherTime ?? 'none'}`
}

function differenceText({ record, other }: Twin, difference: string): string {
  const place = 'position' in other ? `is in the log, at position ${other.position},` : `is on line ${other.line} too,`
  return `line ${record.line}: the id ${record.id} ${place} with ${difference}`
}

function occurredAt({ meta }: NewEvent): string | undefined {
  return (JSON.parse(meta) as { readonly occurredAt?: string }).occurredAt
}

function sameTime(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return one === other || Date.parse(one) === Date.parse(other)
}
