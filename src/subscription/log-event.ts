import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredEvent } from '../ports/store/event.ts'

/** An event with many readers. The first reader computes a derived value, and all others share it. */
export class LogEvent implements StoredEvent {
  readonly id: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly at: string
  #payload: unknown
  #made: Map<(event: LogEvent) => unknown, unknown> | null = null

  constructor({ id, type, schema, data, meta, stream, version, position, at }: StoredEvent) {
    this.id = id
    this.type = type
    this.schema = schema
    this.data = data
    this.meta = meta
    this.stream = stream
    this.version = version
    this.position = position
    this.at = at
  }

  /** The part of the stream's name before the first `-`. */
  get category(): string {
    return categoryOf(this.stream)
  }

  /** The size of the event's texts, in UTF-16 units. */
  get size(): number {
    return this.data.length + this.meta.length
  }

  /** The parsed data. All readers share one object, so it must not be changed. */
  get payload(): unknown {
    this.#payload ??= JSON.parse(this.data)
    return this.#payload
  }

  /** Calls `make` once, and gives its result from then on. It has to be the same function object each time. */
  once<T>(make: (event: LogEvent) => T): T {
    this.#made ??= new Map()
    if (!this.#made.has(make)) this.#made.set(make, make(this))
    // A result is stored under its function, so it has that function's type.
    return this.#made.get(make) as T
  }
}
