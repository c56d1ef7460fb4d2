import { categoryOf } from '../event/stream-name.ts'
import type { StoredEvent } from '../store/store.ts'

/** An event that many read: what is made of it is made once, by whoever wants it first. */
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

  /** What stands before the first `-` of its stream. */
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

  /** What a function makes of it, kept with it: `make` is called once, and has to be the same function each time. */
  once<T>(make: (event: LogEvent) => T): T {
    this.#made ??= new Map()
    if (!this.#made.has(make)) this.#made.set(make, make(this))
    // What was kept under a function is what that function gave.
    return this.#made.get(make) as T
  }
}
