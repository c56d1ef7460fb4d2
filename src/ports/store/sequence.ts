// Checks that versions follow each other. The log of a store that keeps its promises has no hole. So a hole is damage,
// and is not folded over.
import { BrokenPromise } from '../report/broken-promise.ts'
import type { StoredEvent } from './event.ts'

/** The place of an event. */
export type EventPlace = Pick<StoredEvent, 'stream' | 'version' | 'position'>

/** A stream that lacks events, or has one twice. */
export class DamagedStream extends BrokenPromise {
  override readonly name = 'DamagedStream'
  readonly stream: string
  readonly expected: number
  readonly found: number
  readonly position: number
  constructor({ stream, version, position }: EventPlace, expected: number) {
    super('order', `${stream} is damaged: version ${expected} is expected, ${version} is found at position ${position}`)
    this.stream = stream
    this.expected = expected
    this.found = version
    this.position = position
  }
}

/** Gives a page of a stream after a version, if no event is missing in it. Throws DamagedStream. */
export function inSequence<E extends EventPlace>(page: readonly E[], after: number): readonly E[] {
  const wrong = page.findIndex(({ version }, i) => version !== after + 1 + i)
  if (wrong >= 0) throw new DamagedStream(page[wrong]!, after + 1 + wrong)
  return page
}

/**
 * Gives a page of a stream, newest first, if no event is missing in it. `after`: it ends the stream's window, and so its
 * oldest event follows this version; null: older ones may come. Throws DamagedStream.
 */
export function inReverse<E extends EventPlace>(page: readonly E[], after: number | null): readonly E[] {
  page.forEach((event, i) => {
    const older = page[i + 1]?.version ?? after
    if (older !== null && event.version !== older + 1) throw new DamagedStream(event, older + 1)
  })
  return page
}

/** The versions of all streams, for a reader of the log in its order. It holds one number a stream. */
export class Versions {
  readonly #last = new Map<string, number>()
  readonly #isWhole: boolean

  /**
   * `after`: where reading begins. After the beginning of the log, the first event of a stream may have any version.
   */
  constructor(after: number) {
    this.#isWhole = after === 0
  }

  /** Adds the next event. Gives the version that it should have; null if it has that version. */
  take({ stream, version }: EventPlace): number | null {
    const last = this.#last.get(stream) ?? (this.#isWhole ? 0 : version - 1)
    this.#last.set(stream, version)
    return version === last + 1 ? null : last + 1
  }

  /** Adds a page. Throws DamagedStream. */
  check(page: readonly EventPlace[]): void {
    for (const event of page) {
      const expected = this.take(event)
      if (expected !== null) throw new DamagedStream(event, expected)
    }
  }
}
