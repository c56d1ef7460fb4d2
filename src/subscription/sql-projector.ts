// The consumer that has user code write a page of events with the checkpoint, in one transaction.
import { recordedIn } from '../event/families.ts'
import type { Recorded } from '../event/events.ts'
import { type SqlProjectionSpec, subscriptionOf, type Writing } from '../projection/sql-projection.ts'
import type { Lease, NewParked } from '../read-model/read-model.ts'
import { inSequence } from '../store/sequence.ts'
import { type Store, type StoredEvent, StoreError } from '../store/store.ts'
import { causeOf } from './projector.ts'
import type { Consumer, Guard } from './subscription.ts'

type Item = { readonly stored: StoredEvent; readonly events: readonly Recorded[] }

const EVENTS_MAX = 1_000
const AGAIN_PAGE = 1_000

export class SqlProjector implements Consumer {
  readonly eventsMax: number = EVENTS_MAX
  readonly #store: Store
  readonly #projection: SqlProjectionSpec
  #parked = new Set<string>()
  #park: NewParked[] = []
  #items: Item[] = []

  constructor(store: Store, projection: SqlProjectionSpec) {
    this.#store = store
    this.#projection = projection
  }

  begin = async ({ name, suspect, position }: Lease): Promise<void> => {
    this.#items = []
    this.#park = []
    this.#parked = new Set((await this.#store.readModel.parked(name)).map(({ key }) => key))
    if (!suspect || suspect.position <= position) return
    const [stored] = await this.#store.readAll({ after: suspect.position - 1, limit: 1 })
    if (stored) this.#parkStream(stored, 'the process ended, or hung, while it handled this event')
  }

  take = async (events: readonly StoredEvent[]): Promise<void> => {
    for (const stored of events) {
      if (this.#parked.has(stored.stream)) continue
      try {
        this.#items.push({ stored, events: recordedIn(this.#projection.families, stored) })
      } catch (error) {
        this.#parkStream(stored, causeOf(error))
      }
    }
  }

  /** A page is written before the next is read. */
  pending = (): number | null => (this.#items.length || this.#park.length ? Number.POSITIVE_INFINITY : null)

  save = async (guard: Guard): Promise<boolean> => {
    const items = this.#items
    this.#items = []
    try {
      return await this.#commit(guard, items)
    } catch (error) {
      if (error instanceof StoreError) throw error
    }
    return this.#oneByOne(guard, items)
  }

  isTended = (): boolean => this.#parked.size > 0

  tend = async (guard: Guard): Promise<void> => {
    for (const parked of (await this.#store.readModel.parked(guard.name)).filter(({ again }) => again)) {
      this.#parked.delete(parked.key)
      const items: Item[] = []
      for (let after = 0; ; ) {
        const page = inSequence(await this.#store.read(parked.key, { after, limit: AGAIN_PAGE }), after)
        const from = parked.again === 'skip' ? parked.position + 1 : parked.position
        const passed = page.filter(({ position }) => position >= from && position <= guard.to)
        items.push(...passed.map(stored => ({ stored, events: recordedIn(this.#projection.families, stored) })))
        if (page.length < AGAIN_PAGE) break
        after = page.at(-1)!.version
      }
      try {
        if (!(await this.#commit({ ...guard, from: guard.to }, items, [parked]))) return
      } catch (error) {
        if (error instanceof StoreError) throw error
        this.#parkStream({ ...items[0]!.stored, position: parked.position }, causeOf(error))
      }
    }
  }

  /** Finds what fails: all that does not is written, the checkpoint following each, and the stream of what does is parked. */
  async #oneByOne(guard: Guard, items: readonly Item[]): Promise<boolean> {
    let { from } = guard
    for (const item of items) {
      if (this.#parked.has(item.stored.stream)) continue
      const to = item.stored.position
      try {
        if (!(await this.#commit({ ...guard, from, to }, [item]))) return false
        from = to
      } catch (error) {
        if (error instanceof StoreError) throw error
        this.#parkStream(item.stored, causeOf(error))
      }
    }
    return this.#commit({ ...guard, from }, [])
  }

  async #commit(
    guard: Guard,
    items: readonly Item[],
    unpark: readonly { kind: 'key' | 'stream'; key: string }[] = [],
  ): Promise<boolean> {
    const events = items.flatMap(({ events }) => events)
    const { create, handle } = this.#projection
    const prefix = subscriptionOf(this.#projection)
    const writing = (sql: unknown): Writing => ({ sql: sql as never, t: table => `${prefix}_${table}` })
    const run = (sql: unknown): unknown => {
      const made = guard.from === 0 ? create(writing(sql)) : undefined
      const handled = () => (events.length ? handle(events, writing(sql)) : undefined)
      return made instanceof Promise ? made.then(handled) : handled()
    }
    const page = { ...guard, rows: [], park: this.#park, unpark }
    const isRun = events.length > 0 || guard.from === 0
    const saved = await this.#store.readModel.commit(isRun ? { ...page, run } : page)
    if (saved) this.#park = []
    return saved
  }

  #parkStream({ stream, position }: StoredEvent, cause: string): void {
    this.#parked.add(stream)
    this.#park.push({ kind: 'stream', key: stream, position, cause })
  }
}
