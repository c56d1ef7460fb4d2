// The port to caches in front of the app, such as a CDN.

export interface Purger {
  /** Purges all answers with one of these tags. Rejects if it does not know that all are purged. */
  purge(tags: readonly string[]): Promise<void>
  /** Purges all answers. */
  purgeAll(): Promise<void>
}
