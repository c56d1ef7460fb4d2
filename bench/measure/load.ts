// What a run over HTTP sends, and what it counted.
export type Load = {
  readonly port: number
  /** The path before and after an id that is new each time. */
  readonly before: string
  readonly after: string
  /** What is posted; null: it is a GET. */
  readonly body: string | null
  /** For a GET: how many ids there are, in turn, from 0 on; 0: the path is `before` as it is. */
  readonly ids?: number
  readonly connections: number
}
export type Loaded = {
  readonly requests: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly failed: number
}
