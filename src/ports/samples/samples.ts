// The port to samples: what nodes have counted that is not in the log, by the minute. They are kept for ten weeks beside
// the log, and are no part of it.

/** What was counted of a subject in an hour. Those of several nodes are added up. */
export type Sample = {
  /** `command order.place`. It is not empty. */
  readonly subject: string
  /** The begin of the hour, in ms since 1970. */
  readonly hour: number
  /** 60 whole numbers, one for each minute. */
  readonly minutes: readonly number[]
}

/** What a node has counted since its last batch. */
export type SampleBatch = {
  /** Names the process. */
  readonly writer: string
  /** The number of this batch among those of its writer, from 1. */
  readonly number: number
  /** One for each subject and hour. */
  readonly samples: readonly Sample[]
}

/** Which samples to list: those behind a place in their order. `subject`: '' is the begin of the hour. */
export type SampleFilter = { readonly after: Pick<Sample, 'hour' | 'subject'>; readonly limit: number }

/** No path of a command waits for these. Every call may throw a StoreError. */
export interface Samples {
  /**
   * Adds the counts of a batch to those that are there, all or none. A batch is added once: one whose number is not above
   * the last of its writer is not added again. So a batch whose answer was lost may be sent again.
   */
  add(batch: SampleBatch): Promise<void>
  /** Lists samples in the order of their hours. Those of an hour have one order that lasts. */
  list(filter: SampleFilter): Promise<readonly Sample[]>
  /** Deletes the samples of hours before a time, in ms since 1970, and forgets who wrote nothing since. Gives how many samples. */
  forget(before: number): Promise<number>
}

/** The minutes of an hour. */
export const SAMPLE_MINUTES = 60
/** How long samples are kept, in ms: ten weeks. */
export const SAMPLES_KEEP_MS: number = 70 * 24 * 60 * 60 * 1_000

export function addMinutes(minutes: readonly number[], more: readonly number[]): readonly number[] {
  return minutes.map((count, minute) => count + more[minute]!)
}
