// The consumer that folds rows: in memory, a page or many at a time, and writes those that changed together with the checkpoint.
import type { AgendaChange } from '../process/instance.ts'
import { foldEvent, encodeRow, type RowEvent, rowEvents } from '../projection/fold.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import type { NewAgenda } from '../read-model/agenda.ts'
import {
  compareText,
  type Lease,
  type NewParked,
  type NewRow,
  type Parked,
  type ReadModel,
  type StoredRow,
  type Table,
  type Value,
} from '../read-model/read-model.ts'
import { inSequence } from '../store/sequence.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import type { About, Consumer, Guard } from './subscription.ts'

type Held = {
  row: object | null
  position: number
  isDirty: boolean
  /** Of what is not saved: where it begins, and the row before it. */
  since: number
  before: object | null
  /** What an index has of it in the table; null: it is not there. */
  fields: readonly Value[] | null
  size: number
}

/** A row that a page changed, for whoever keeps answers: its index values before and after; null: there was, or is, no row. */
export type Change = { readonly key: string; readonly before: readonly Value[] | null; readonly after: readonly Value[] | null }
/** What changed with one page; null: more than is worth telling one by one. */
export type Changed = (table: Table, position: number, changes: readonly Change[] | null) => Promise<void>

/** What rows want to be sent, which is taken from them as they are written. */
export type Emitter = {
  /** The row as it is kept (null: it is gone), and what it wants. `isReplayed`: what it wanted was sent long ago. */
  readonly taken: (
    key: string,
    row: object,
    isReplayed: boolean,
  ) => { readonly row: object | null; readonly wishes: readonly AgendaChange[] }
  /** The row without what it wants by the event at this position. */
  readonly hushed: (row: object, position: number) => object
  /** What of a page's wishes goes to the agenda. */
  readonly agenda: (wishes: readonly AgendaChange[]) => NewAgenda
  /** Told of it once it is durable. */
  readonly kept: (agenda: NewAgenda) => void
}

/** Rows kept between pages, in characters of their text; beyond it those not touched for longest are read again when needed. */
const HELD_SIZE_MAX = 134_217_728
/** A fold gives way to everything else in the process this often. */
const YIELD_EVERY_MS = 10
const YIELD_CHECK_EVENTS = 64
const LOAD_KEYS_MAX = 5_000
const REFOLD_PAGE = 5_000
const CHANGES_MAX = 2_000
const NONE: ReadonlySet<string> = new Set()
/** What a row is taken to hold before it has been written once. */
const ROW_SIZE = 256

export class Projector implements Consumer {
  readonly #store: Store
  readonly #readModel: ReadModel
  readonly #projection: ProjectionSpec
  readonly #table: Table
  readonly #changed: Changed | null
  readonly #emitter: Emitter | null
  readonly #clock: () => number
  /** What is folded now is only to be known again. */
  #isReplaying = false
  #held = new Map<string, Held>()
  #heldSize = 0
  #dirty = new Set<string>()
  /** What the rows that are not saved hold, at most: what they held before, and all that was folded into them since. */
  #pendingSize = 0
  /** Every row of the table is held: what is not there does not exist. */
  #isComplete = false
  #parkedKeys = new Set<string>()
  #parkedStreams = new Set<string>()
  #park: NewParked[] = []
  #wishes: AgendaChange[] = []

  constructor(
    store: Store,
    projection: ProjectionSpec,
    table: Table,
    changed: Changed | null,
    {
      emitter = null,
      clock = () => performance.now(),
    }: { readonly emitter?: Emitter | null; readonly clock?: () => number } = {},
  ) {
    this.#clock = clock
    this.#store = store
    this.#readModel = store.readModel
    this.#projection = projection
    this.#table = table
    this.#changed = changed
    this.#emitter = emitter
  }

  begin = async ({ name, position, suspect }: Lease): Promise<void> => {
    this.#forget()
    const parked = await this.#readModel.parked(name)
    this.#parkedKeys = new Set(parked.flatMap(({ kind, key }) => (kind === 'key' ? [key] : [])))
    this.#parkedStreams = new Set(parked.flatMap(({ kind, key }) => (kind === 'stream' ? [key] : [])))
    this.#isComplete = position === 0
    // What an owner before did not come to tell: whatever was made of these rows is out of date.
    if (position > 0) await this.#changed?.(this.#table, position, null)
    if (suspect && suspect.position > position) await this.#suspected(suspect.position, suspect.key)
  }

  take = async (events: readonly StoredEvent[], about: About | null): Promise<void> => {
    const found: RowEvent[] = []
    for (const stored of events) {
      if (about) await about(stored.position, null)
      const changed = this.#rowEvents(stored)
      this.#pendingSize += changed.length * stored.data.length
      for (const touch of changed) found.push(touch)
    }
    if (!this.#isComplete) await this.#load(found)
    let since = this.#clock()
    for (let i = 0; i < found.length; i++) {
      const touch = found[i]!
      if (about) await about(touch.event.position, touch.key)
      this.#apply(touch)
      if (i % YIELD_CHECK_EVENTS === 0 && this.#clock() - since > YIELD_EVERY_MS) {
        await new Promise(resolve => setImmediate(resolve))
        since = this.#clock()
      }
    }
  }

  pending = (): number | null => (this.#dirty.size || this.#park.length ? this.#pendingSize : null)

  save = async (guard: Guard): Promise<boolean> => {
    const changes: Change[] = []
    const rows = await this.#rows(changes)
    const parks = this.#park.length > 0
    if (!(await this.#commit(guard, rows, []))) return false
    this.#saved(rows)
    await this.#tell(guard.to, parks ? null : changes)
    return true
  }

  /** Folds all up to the checkpoint anew, into a table that is empty; what the rows want is not sent. Durable when it resolves. */
  replay = async (guard: Guard): Promise<boolean> => {
    this.#forget()
    this.#isReplaying = true
    this.#isComplete = true
    try {
      for (let after = 0; after < guard.to; ) {
        const page = await this.#store.readAll({ after, until: guard.to, limit: REFOLD_PAGE, filter: this.#projection.filter })
        await this.take(page, null)
        after = page.length < REFOLD_PAGE ? guard.to : page.at(-1)!.position
        if (this.#heldSize > HELD_SIZE_MAX / 2 && !(await this.save(guard))) return false
      }
      return await this.save(guard)
    } finally {
      this.#isReplaying = false
    }
  }

  isTended = (): boolean => this.#parkedKeys.size > 0 || this.#parkedStreams.size > 0

  tend = async (guard: Guard): Promise<void> => {
    const again = (await this.#readModel.parked(guard.name)).filter(({ again }) => again)
    if (again.length) await this.#foldAgain(guard, again)
  }

  #forget(): void {
    this.#held = new Map()
    this.#dirty = new Set()
    this.#pendingSize = 0
    this.#heldSize = 0
    this.#park = []
    this.#wishes = []
  }

  #rowEvents(stored: StoredEvent): readonly RowEvent[] {
    // Asking an empty set costs the hash of the stream's name.
    if (this.#parkedStreams.size && this.#parkedStreams.has(stored.stream)) return []
    try {
      return rowEvents(this.#projection, stored)
    } catch (error) {
      this.#parkStream(stored, error)
      return []
    }
  }

  async #load(found: readonly RowEvent[]): Promise<void> {
    const missing = [...new Set(found.map(({ key }) => key))].filter(key => !this.#held.has(key) && !this.#parkedKeys.has(key))
    for (let i = 0; i < missing.length; i += LOAD_KEYS_MAX) {
      const keys = missing.slice(i, i + LOAD_KEYS_MAX)
      for (const stored of await this.#readModel.rows(this.#table, keys)) {
        const { key, position, data } = stored
        const read = this.#read(stored)
        if (read instanceof Error) this.#parkKey(key, found.find(touch => touch.key === key)!.event.position, read)
        else this.#hold(key, { ...read, position, isDirty: false, since: position, before: read.row, size: data.length })
      }
      for (const key of keys) if (!this.#held.has(key) && !this.#parkedKeys.has(key)) this.#hold(key, nothing(0))
    }
  }

  /** A stored row; the error where it was damaged. */
  #read({ key, data }: StoredRow): Pick<Held, 'row' | 'fields'> | Error {
    try {
      const row = JSON.parse(data) as object
      return { row, fields: encodeRow(this.#projection, row).fields }
    } catch (error) {
      return new Error(`${this.#table.name}: the row ${key} cannot be read: ${causeOf(error)}`, { cause: error })
    }
  }

  #hold(key: string, held: Held): void {
    this.#held.set(key, held)
    this.#heldSize += held.size + key.length
  }

  #apply(touch: RowEvent): void {
    const { key, event } = touch
    if (this.#parkedKeys.has(key)) return
    let held = this.#held.get(key)
    if (!held) {
      held = nothing(ROW_SIZE)
      this.#hold(key, held)
    }
    const before = held.row
    try {
      held.row = foldEvent(this.#projection, before, touch)
    } catch (error) {
      // What came before is kept, and saved: the row ends where it stopped.
      return this.#parkKey(key, event.position, error)
    }
    held.position = event.position
    if (held.isDirty) return
    this.#pendingSize += held.size
    held.isDirty = true
    held.since = event.position
    held.before = before
    this.#dirty.add(key)
  }

  async #commit(guard: Guard, rows: readonly NewRow[], unpark: readonly Parked[]): Promise<boolean> {
    const agenda = this.#emitter?.agenda(this.#wishes.splice(0))
    const page = { ...guard, table: this.#table.name, rows, park: this.#park, unpark, ...(agenda && { agenda }) }
    if (!(await this.#readModel.commit(page))) return false
    if (agenda) this.#emitter?.kept(agenda)
    return true
  }

  /** The rows to be written, in order of their keys. One that does not fit its schema is parked, as it was while it did. */
  async #rows(changes: Change[], skipped: ReadonlySet<string> = NONE): Promise<readonly NewRow[]> {
    const rows: NewRow[] = []
    for (const key of [...this.#dirty].sort(compareText)) {
      const held = this.#held.get(key)!
      let encoded = this.#encoded(held.row) ?? (await this.#fitting(key, held, skipped))
      if (this.#emitter && held.row) {
        const { row, wishes } = this.#emitter.taken(key, held.row, this.#isReplaying)
        for (const wish of wishes) this.#wishes.push(wish)
        held.row = row
        if (!row) encoded = noRow(this.#table)
      }
      const { data, fields } = encoded
      rows.push({ key, position: held.position, data, fields })
      changes.push({ key, before: held.fields, after: data === null ? null : fields })
    }
    return rows
  }

  /** A row as it is stored; null: it does not fit its schema. */
  #encoded(row: object | null): Pick<NewRow, 'data' | 'fields'> | null {
    if (!row) return noRow(this.#table)
    try {
      return encodeRow(this.#projection, row)
    } catch {
      return null
    }
  }

  /** Finds the event by which a row ceased to fit: what was not saved is folded again, and looked at after each event. */
  async #fitting(key: string, held: Held, skipped: ReadonlySet<string>): Promise<Pick<NewRow, 'data' | 'fields'>> {
    const until = held.position
    // It fitted when it was saved.
    let encoded = this.#encoded(held.before)!
    held.row = held.before
    held.position = held.since - 1
    for await (const touch of this.#rowEventsOf(key, held.position, until, skipped)) {
      try {
        const row = foldEvent(this.#projection, held.row, touch)
        encoded = row ? encodeRow(this.#projection, row) : noRow(this.#table)
        held.row = row
        held.position = touch.event.position
      } catch (error) {
        this.#parkKey(key, touch.event.position, error)
        break
      }
    }
    return encoded
  }

  async *#rowEventsOf(key: string, from: number, until: number, skipped: ReadonlySet<string>): AsyncIterable<RowEvent> {
    for (let after = from; after < until; ) {
      const page = await this.#store.readAll({ after, until, limit: REFOLD_PAGE, filter: this.#projection.filter })
      for (const event of page)
        for (const touch of skipped.has(`stream ${event.stream} ${event.position}`) ? [] : this.#rowEvents(event))
          if (touch.key === key && !skipped.has(`key ${key} ${event.position}`)) yield touch
      after = page.length < REFOLD_PAGE ? until : page.at(-1)!.position
    }
  }

  #saved(rows: readonly NewRow[]): void {
    this.#park = []
    this.#dirty.clear()
    this.#pendingSize = 0
    for (const { key, data, fields } of rows) {
      const held = this.#held.get(key)!
      this.#heldSize += (data?.length ?? 0) - held.size
      held.size = data?.length ?? 0
      held.fields = data === null ? null : fields
      held.isDirty = false
    }
    if (this.#heldSize <= HELD_SIZE_MAX) return
    this.#held = new Map()
    this.#heldSize = 0
    this.#isComplete = false
  }

  /** Null: all that was made of these rows has changed, as it has to say from now on what it lacks. */
  async #tell(position: number, changes: readonly Change[] | null): Promise<void> {
    if (changes?.length === 0) return
    await this.#changed?.(this.#table, position, changes && changes.length > CHANGES_MAX ? null : changes)
  }

  #parkKey(key: string, position: number, error: unknown): void {
    // One place a key: where it stopped first.
    if (this.#parkedKeys.has(key)) this.#park = this.#park.filter(one => one.kind !== 'key' || one.key !== key)
    this.#parkedKeys.add(key)
    this.#park.push({ kind: 'key', key, position, cause: causeOf(error) })
  }

  #parkStream({ stream, position }: StoredEvent, error: unknown): void {
    this.#parkedStreams.add(stream)
    this.#park.push({ kind: 'stream', key: stream, position, cause: causeOf(error) })
  }

  /** What the owner before was about to fold when it ended, three times in a row, is taken for the reason. */
  async #suspected(position: number, key: string | null): Promise<void> {
    const [stored] = await this.#store.readAll({ after: position - 1, limit: 1 })
    if (!stored) return
    const cause = new Error('the process ended, or hung, while it folded this event')
    if (key === null) this.#parkStream(stored, cause)
    else this.#parkKey(key, position, cause)
  }

  /**
   * Folds what is parked again, up to the checkpoint and before newer events: a key from where its row ends, or from the beginning where
   * that cannot be read; the keys of a stream from the beginning, as they have taken events behind those that were passed over.
   */
  async #foldAgain(guard: Guard, again: readonly Parked[]): Promise<void> {
    const skipped = new Set(
      again.flatMap(({ kind, key, position, again }) => (again === 'skip' ? [`${kind} ${key} ${position}`] : [])),
    )
    const streams = new Set(again.flatMap(({ kind, key }) => (kind === 'stream' ? [key] : [])))
    const keys = new Set(again.flatMap(({ kind, key }) => (kind === 'key' ? [key] : [])))
    for (const stream of streams) this.#parkedStreams.delete(stream)
    const whole = await this.#keysOf(streams, guard.to, skipped)
    const stored = await this.#readModel.rows(this.#table, [...keys])
    for (const key of [...keys, ...whole]) {
      this.#parkedKeys.delete(key)
      this.#held.delete(key)
      const row = whole.has(key) ? undefined : stored.find(row => row.key === key)
      const read = row && this.#read(row)
      // One that was damaged is made anew, as one that is not there.
      const known =
        row && read && !(read instanceof Error) ? { row: read.row, position: row.position } : { row: null, position: 0 }
      this.#hold(key, {
        ...known,
        isDirty: true,
        since: known.position + 1,
        before: known.row,
        fields: null,
        size: ROW_SIZE,
      })
      this.#dirty.add(key)
    }
    const from = new Map([...keys, ...whole].map(key => [key, this.#held.get(key)!.position]))
    for (let after = Math.min(guard.to, ...from.values()); after < guard.to; ) {
      const page = await this.#store.readAll({ after, until: guard.to, limit: REFOLD_PAGE, filter: this.#projection.filter })
      for (const event of page)
        for (const touch of skipped.has(`stream ${event.stream} ${event.position}`) ? [] : this.#rowEvents(event))
          if (
            event.position > (from.get(touch.key) ?? Number.POSITIVE_INFINITY) &&
            !skipped.has(`key ${touch.key} ${event.position}`)
          ) {
            this.#apply(touch)
            // What it wants by an event that was handled before is on its way already.
            const held = this.#held.get(touch.key)
            if (this.#emitter && held?.row && !isAsked(again, touch)) held.row = this.#emitter.hushed(held.row, event.position)
          }
      after = page.length < REFOLD_PAGE ? guard.to : page.at(-1)!.position
    }
    const rows = await this.#rows([], skipped)
    const unpark = again.filter(({ kind, key }) => !(kind === 'key' ? this.#parkedKeys : this.#parkedStreams).has(key))
    if (!(await this.#commit(guard, rows, unpark))) return this.#forget()
    this.#saved(rows)
    await this.#changed?.(this.#table, guard.to, null)
  }

  /** The keys that the events of some streams touch. A stream that still cannot be read is parked again. */
  async #keysOf(streams: ReadonlySet<string>, until: number, skipped: ReadonlySet<string>): Promise<ReadonlySet<string>> {
    const keys = new Set<string>()
    for (const stream of streams) {
      for (let after = 0; ; ) {
        const page = inSequence(await this.#store.read(stream, { after, limit: REFOLD_PAGE }), after)
        for (const event of page)
          if (event.position <= until && !skipped.has(`stream ${stream} ${event.position}`))
            for (const { key } of this.#rowEvents(event)) keys.add(key)
        if (page.length < REFOLD_PAGE) break
        after = page.at(-1)!.version
      }
    }
    return keys
  }
}

/** Whether what is asked for again is why an event is folded: of an unparked stream, or a key, what was passed over. */
function isAsked(again: readonly Parked[], { key, event }: RowEvent): boolean {
  return again.some(one => event.position >= one.position && (one.kind === 'key' ? one.key === key : one.key === event.stream))
}

function noRow({ indexes }: Table): Pick<NewRow, 'data' | 'fields'> {
  return { data: null, fields: indexes.map(() => null) }
}

function nothing(size: number): Held {
  return { row: null, position: 0, isDirty: false, since: 0, before: null, fields: null, size }
}

const CAUSE_LENGTH_MAX = 2_000

/** What is kept of an error: text that every database can hold. */
export function causeOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return text.replaceAll('\0', ' ').slice(0, CAUSE_LENGTH_MAX).toWellFormed()
}
