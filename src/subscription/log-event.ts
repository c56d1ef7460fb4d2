import { categoryOf } from '../definitions/event/stream-name.ts'
import type { StoredEvent } from '../ports/store/event.ts'

/** An event that has many readers. What they derive from it is computed once, by the first of them. */
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

  /** The part of its stream's name before the first `-`. */
  get category(): string {
    return categoryOf(this.stream)
  }

  /** How much it holds, in UTF-16 units of its texts. */
  get size(): number {
    return this.data.length + this.meta.length
  }

  /** Its data, parsed. Everybody gets the same: not to be changed. */
  get payload(): unknown {
    this.#payload ??= JSON.parse(this.data)
    return this.#payload
  }

  /** Calls `make` once, and gives its result from then on. It has to be the same function each time. */
  once<T>(make: (event: LogEvent) => T): T {
    this.#made ??= new Map()
    if (!this.#made.has(make)) this.#made.set(make, make(this))
    // The result under a function is of that function's type.
    return this.#made.get(make) as T
  }
}
