/** An event to be appended. Its id is made once, so that a repetition of an append whose outcome is unknown is recognised. */
export type NewEvent = {
  readonly id: string
  readonly type: string
  readonly schema: string
  readonly data: string
  readonly meta: string
}

/** An event as the log has it. `at` is RFC 3339 in UTC. */
export type StoredEvent = NewEvent & {
  readonly stream: string
  readonly version: number
  readonly position: number
  readonly at: string
}
