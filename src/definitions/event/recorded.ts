// Stored events, as folds over several families read them.
import { initiatorOf } from './actor.ts'
import type { EventsSpec, Meta, Recorded } from './events.ts'
import { read, UnreadableEvent } from './read.ts'

/** An event as the log holds it, with its payload and meta as JSON text. */
export type StoredText = {
  readonly id: string
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly at: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
  /** The stored type of the event before it in its stream, where somebody asked for it. Null: there is none in the log. */
  readonly follows?: string | null
}

/** The metadata of everything that an event leads to. */
export function metaCausedBy({
  id,
  meta,
}: Recorded): Pick<Meta, 'correlation' | 'causation' | 'traceparent' | 'hops' | 'initiator'> {
  const { correlation, traceparent, hops } = meta
  const initiator = initiatorOf(meta)
  return {
    correlation,
    causation: id,
    ...(traceparent !== undefined && { traceparent }),
    ...(hops !== undefined && { hops }),
    ...(initiator !== undefined && { initiator }),
  }
}

/** Whether an import brought an event as history, on which nothing acts. */
export function isHistory({ meta }: Pick<StoredText, 'meta'>): boolean {
  return meta.includes('"history"') && (JSON.parse(meta) as Partial<Meta>).history === true
}

/**
 * Reads a stored event as today's events: one, none if its type is retired, several if it was split.
 * `meta` is parsed only on demand, because few folds read it. Throws UnreadableEvent.
 */
export function readRecorded(family: EventsSpec, stored: StoredText): readonly Recorded[] {
  const today = family.types.get(stored.type)
  // Nearly every event of a replay takes this path.
  if (today?.fingerprint === stored.schema)
    return [new RecordedEvent(family.name, stored.type, parseData(stored), stored) as unknown as Recorded]
  return read(family, stored.stream, stored.version, {
    type: stored.type,
    schema: stored.schema,
    data: parseData(stored),
  }).map(({ type, data }) => new RecordedEvent(family.name, type, data, stored) as unknown as Recorded)
}

function parseData({ stream, version, type, data }: StoredText): unknown {
  try {
    return JSON.parse(data) as unknown
  } catch (error) {
    throw new UnreadableEvent(stream, version, type, 'its payload is no JSON', { cause: error })
  }
}

class RecordedEvent {
  readonly category: string
  readonly type: string
  readonly data: unknown
  readonly #stored: StoredText
  constructor(category: string, type: string, data: unknown, stored: StoredText) {
    this.category = category
    this.type = type
    this.data = data
    this.#stored = stored
  }
  get id(): string {
    return this.#stored.id
  }
  get stream(): string {
    return this.#stored.stream
  }
  get instance(): string {
    return this.#stored.stream.slice(this.category.length + 1)
  }
  get version(): number {
    return this.#stored.version
  }
  get position(): number {
    return this.#stored.position
  }
  get at(): string {
    return this.#stored.at
  }
  /** Folds of detectors read it. */
  get follows(): string | null {
    return this.#stored.follows ?? null
  }
  get meta(): Meta {
    return { ...(JSON.parse(this.#stored.meta) as Omit<Meta, 'schema'>), schema: this.#stored.schema }
  }
  toJSON(): object {
    const { category, type, data, id, stream, instance, version, position, at, meta } = this
    return { category, type, data, id, stream, instance, version, position, at, meta }
  }
}
