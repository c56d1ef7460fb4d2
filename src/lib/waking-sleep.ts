import { sleep } from './sleep.ts'

/** A wait that somebody may end. Whoever asks between two waits has the next one left out, so that nothing is missed. */
export class WakingSleep {
  #isAsked = false
  #end: () => void = () => {}

  readonly wake = (): void => {
    this.#isAsked = true
    this.#end()
  }

  /** Waits so many ms, until `wake`, or until the signal aborts. */
  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    const waking = new AbortController()
    this.#end = () => waking.abort()
    if (!this.#isAsked) await sleep(ms, AbortSignal.any([signal, waking.signal]))
    this.#isAsked = false
  }
}
