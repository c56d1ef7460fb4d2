/**
 * Short texts that processes leave for each other under a name: the folds that wrote the rows of a table, and the readers
 * of events that were tried on the log.
 */
export interface Fingerprints {
  /** The fingerprints under a name, oldest first. */
  fingerprints(name: string): Promise<readonly string[]>
  /** Replaces the fingerprints under a name. */
  setFingerprints(name: string, fingerprints: readonly string[]): Promise<void>
}
