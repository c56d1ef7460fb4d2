/** What a connection to Redis has done. */
export type ConnectionCounts = {
  /** Commands sent for callers. */
  readonly sent: number
  /** Attempts to come back. */
  readonly knocks: number
  /** How often the connection went down, without the start. */
  readonly falls: number
}
