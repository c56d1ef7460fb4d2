// The consumer that hands events to user code with effects: in order by key, some keys side by side, until each is handled or parked.
import type { Command } from '../decider/command.ts'
import type { Rejection } from '../decider/reject.ts'
import { recordedIn } from '../event/families.ts'
import type { CloudEvent } from '../event/cloud-event.ts'
import type { Recorded } from '../event/events.ts'
import { type ProcessorSpec, takes } from '../processor/processor.ts'
import type { Lease, NewParked, Parked, ReadModel } from '../read-model/read-model.ts'
import { slept } from '../store/poll.ts'
import type { Store, StoredEvent } from '../store/store.ts'
import { causeOf } from './projector.ts'
import { PAGE_EVENTS_MAX } from './reader.ts'
import { cloudEventOf } from '../transfer/cloud-event.ts'
import type { About, Consumer, Guard } from './subscription.ts'

/** Sends a command by a key of ours, as what an event led to. */
export type SendFor = (command: Command, key: string, event: Recorded) => Promise<Pick<Rejection, 'code' | 'data'> | null>

/** `part`: which of the events that a stored event has become; 0, the first, for nearly all. */
type Item = { readonly stored: StoredEvent; readonly part: number; readonly event: Recorded; readonly key: string }

const RETRY_FIRST_MS = 50
const RETRY_MAX_MS = 10_000
const AGAIN_PAGE = 1_000
const BATCHES_AHEAD = 16

export class Handler implements Consumer {
  readonly #store: Store
  readonly #readModel: ReadModel
  readonly #processor: ProcessorSpec
  readonly #send: SendFor
  readonly #sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** After a crash events are handed over again from the checkpoint on, so a page is small. */
  readonly eventsMax: number
  readonly #stop = new AbortController()
  #parkedKeys = new Set<string>()
  #parkedStreams = new Set<string>()
  #park: NewParked[] = []

  constructor(
    store: Store,
    processor: ProcessorSpec,
    send: SendFor,
    sleep: (ms: number, signal: AbortSignal) => Promise<void> = slept,
  ) {
    this.#send = send
    this.#store = store
    this.#readModel = store.readModel
    this.#processor = processor
    this.#sleep = sleep
    this.eventsMax = Math.min(PAGE_EVENTS_MAX, processor.batchSize * processor.parallelism * BATCHES_AHEAD)
  }

  /** Ends waits between attempts; what is being handled is told by its signal. */
  stop(): void {
    this.#stop.abort()
  }

  begin = async ({ name, suspect, position }: Lease): Promise<void> => {
    this.#park = []
    const parked = await this.#readModel.parked(name)
    this.#parkedKeys = new Set(parked.flatMap(({ kind, key }) => (kind === 'key' ? [key] : [])))
    this.#parkedStreams = new Set(parked.flatMap(({ kind, key }) => (kind === 'stream' ? [key] : [])))
    if (!suspect || suspect.position <= position) return
    const [stored] = await this.#store.readAll({ after: suspect.position - 1, limit: 1 })
    const cause = 'the process ended, or hung, while it handled this event'
    if (suspect.key !== null) this.#parkKey(suspect.key, suspect.position, cause)
    else if (stored) this.#parkStream(stored, cause)
  }

  take = async (events: readonly StoredEvent[], about: About | null): Promise<void> => {
    const items = events.flatMap(stored => this.#items(stored))
    if (about) {
      for (const item of items) {
        await about(item.stored.position, item.key)
        await this.#lane([item])
      }
      return
    }
    const lanes = this.#lanes(items)
    // Whoever is done takes the next lane, so that a long one holds up no other.
    const next = lanes.values()
    const work = async () => {
      for (const lane of next) await this.#lane(lane)
    }
    await Promise.all(Array.from({ length: Math.min(lanes.length, this.#processor.parallelism) }, work))
  }

  /** What goes side by side, each in order: the events of each key, or of several keys where they are handled in batches. */
  #lanes(items: readonly Item[]): readonly (readonly Item[])[] {
    const { parallelism, batchSize } = this.#processor
    if (parallelism === 1) return [items]
    const laneOf = ({ key }: Item) => (batchSize === 1 ? key : Number(Bun.hash.xxHash64(key) % BigInt(parallelism)))
    return [...Map.groupBy(items, laneOf).values()]
  }

  pending = (): number | null => (this.#park.length ? 1 : null)

  save = async (guard: Guard): Promise<boolean> => {
    const saved = await this.#readModel.commit({ ...guard, rows: [], park: this.#park, unpark: [] })
    if (saved) this.#park = []
    return saved
  }

  isTended = (): boolean => this.#parkedKeys.size > 0 || this.#parkedStreams.size > 0

  tend = async (guard: Guard): Promise<void> => {
    const again = (await this.#readModel.parked(guard.name)).filter(({ again }) => again)
    if (!again.length) return
    for (const { kind, key } of again) (kind === 'key' ? this.#parkedKeys : this.#parkedStreams).delete(key)
    const from = ({ position, again }: Parked) => (again === 'skip' ? position + 1 : position)
    const keys = new Map(again.flatMap(one => (one.kind === 'key' ? [[one.key, from(one)] as const] : [])))
    const streams = new Map(again.flatMap(one => (one.kind === 'stream' ? [[one.key, from(one)] as const] : [])))
    const { filter } = this.#processor
    for (let after = Math.min(...again.map(({ position }) => position)) - 1; after < guard.to; ) {
      const page = await this.#store.readAll({ after, until: guard.to, limit: AGAIN_PAGE, filter })
      const passed = (of: ReadonlyMap<string, number>, key: string, at: number) => at >= (of.get(key) ?? Number.POSITIVE_INFINITY)
      await this.#lane(
        page
          .filter(({ stream, position }) => position >= (streams.get(stream) ?? 0))
          .flatMap(stored => this.#items(stored))
          .filter(({ stored: { stream, position }, key }) => passed(keys, key, position) || passed(streams, stream, position)),
      )
      after = page.length < AGAIN_PAGE ? guard.to : page.at(-1)!.position
    }
    const unpark = again.filter(({ kind, key }) => !(kind === 'key' ? this.#parkedKeys : this.#parkedStreams).has(key))
    if (await this.#readModel.commit({ ...guard, rows: [], park: this.#park, unpark })) this.#park = []
  }

  #items(stored: StoredEvent): readonly Item[] {
    if (this.#parkedStreams.has(stored.stream)) return []
    try {
      return recordedIn(this.#processor.families, stored).flatMap((event, part) =>
        takes(this.#processor, event) ? [{ stored, part, event, key: this.#processor.key(event) }] : [],
      )
    } catch (error) {
      this.#parkStream(stored, causeOf(error))
      return []
    }
  }

  /** Handles events one batch after the other. A batch that goes on failing is taken apart, so that only one key is parked. */
  async #lane(items: readonly Item[]): Promise<void> {
    const { batchSize, attempts } = this.#processor
    for (let i = 0; i < items.length; ) {
      const batch = items.slice(i, i + batchSize).filter(({ key }) => !this.#parkedKeys.has(key))
      i += batchSize
      const error = await this.#attempt(batch, attempts)
      if (error === null) continue
      for (const item of batch.length > 1 ? batch : []) {
        if (this.#parkedKeys.has(item.key)) continue
        const alone = await this.#attempt([item], 1)
        if (alone !== null) this.#parkKey(item.key, item.stored.position, causeOf(alone))
      }
      if (batch.length === 1) this.#parkKey(batch[0]!.key, batch[0]!.stored.position, causeOf(error))
    }
  }

  /** Null once it is handled, else what the last attempt failed with. Throws where the process stops before that. */
  async #attempt(batch: readonly Item[], attempts: number): Promise<unknown> {
    if (!batch.length) return null
    const { name, handle } = this.#processor
    const items = new Map(batch.map(item => [item.event, item]))
    const keyOf = (event: Recorded) => `${name}:${idOf(event, items.get(event)?.part)}`
    const send = (event: Recorded, command: Command) =>
      this.#send(command, `${keyOf(event)}:${command.decider}.${command.command}:${command.id}`, event)
    for (let attempt = 1; ; attempt++) {
      this.#stop.signal.throwIfAborted()
      try {
        await this.#inTime(signal =>
          handle(
            batch.map(({ event }) => event),
            { keyOf, cloudEvent: event => this.#cloudEvent(event, items.get(event)), send, attempt, signal },
          ),
        )
        return null
      } catch (error) {
        this.#stop.signal.throwIfAborted()
        if (attempt >= attempts) return error ?? new Error('it threw nothing')
        await this.#sleep(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempt - 1)), this.#stop.signal)
      }
    }
  }

  /** Nothing else would end a handler that never answers: its lease goes on being renewed. */
  async #inTime(handle: (signal: AbortSignal) => unknown): Promise<void> {
    const { attemptMs } = this.#processor
    if (attemptMs === null) return void (await handle(this.#stop.signal))
    const attempt = new AbortController()
    const stopped = () => attempt.abort(this.#stop.signal.reason)
    const over = new AbortController()
    this.#stop.signal.addEventListener('abort', stopped)
    try {
      const handled = handle(attempt.signal)
      // Most of what gives no promise has ended, and needs no clock.
      if (handled !== null && typeof handled === 'object')
        await Promise.race([handled, this.#tooLate(attemptMs, attempt, over.signal)])
    } finally {
      // With a reason, as the error that it is by default costs more than all of this.
      over.abort(null)
      this.#stop.signal.removeEventListener('abort', stopped)
    }
  }

  async #tooLate(attemptMs: number, attempt: AbortController, over: AbortSignal): Promise<void> {
    const { name } = this.#processor
    await this.#sleep(attemptMs, over)
    if (over.aborted) return
    const error = new Error(`${name}: the attempt did not end within ${attemptMs} ms`)
    attempt.abort(error)
    throw error
  }

  #cloudEvent(event: Recorded, item: Item | undefined): CloudEvent {
    const { name, families } = this.#processor
    if (!item) throw new TypeError(`processor('${name}'): cloudEvent() takes an event that was handed over`)
    const { stored, part } = item
    const schema = families.get(event.category)!.types.get(event.type)!.fingerprint
    const isToday = schema === stored.schema && event.type === stored.type
    const data = isToday ? stored.data : JSON.stringify(event.data)
    const today = { ...stored, id: idOf(event, part), type: event.type, schema, data }
    return cloudEventOf(today, this.#store.identity)
  }

  #parkKey(key: string, position: number, cause: string): void {
    this.#parkedKeys.add(key)
    this.#park.push({ kind: 'key', key, position, cause })
  }

  #parkStream({ stream, position }: StoredEvent, cause: string): void {
    this.#parkedStreams.add(stream)
    this.#park.push({ kind: 'stream', key: stream, position, cause })
  }
}

const idOf = ({ id }: Recorded, part = 0): string => (part ? `${id}.${part}` : id)
