/** An event to append. Its id is made once, so that a repeated append after an unknown outcome is recognised. */
export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
}

/** An event in the log. `at` is RFC 3339 in UTC. */
export type StoredEvent = NewEvent & {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly at: string
}
