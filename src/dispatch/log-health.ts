// Knows whether the log takes commands: from each append, and, after one that failed, from a trial.
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import { slept } from '../ports/store/poll.ts'
import type { Store } from '../ports/store/store.ts'
import { isWrite, type Unit } from '../ports/store/unit.ts'

const CHECK_EVERY_MS = 1_000
/** A trial leaves a key for this time, in ms. */
const TRIAL_KEEP_MS = 1_000
/** A trial needs room on the disk, in bytes, which no compression makes smaller. */
const TRIAL_BYTES = 16_384

export class LogHealth {
  readonly #store: Store
  readonly #episode: Episode
  #failure: StoreError | null = null
  /** When the appends began that have not ended. */
  readonly #appending = new Set<{ readonly began: number }>()

  constructor(store: Store, report: Report) {
    this.#store = store
    this.#episode = new Episode({
      report,
      what: 'The log takes no commands',
      mend: 'They are answered with 503 or 507 meanwhile, and /ready says why.',
      fields: { store: store.system },
    })
  }

  /**
   * Resolves if a command can be taken now, and rejects with a StoreError that says why not. After an append that
   * failed it appends a key that nobody uses, so that no caller is needed to find out that the failure is over.
   */
  check(): Promise<void> {
    return this.#observe(async () => {
      await this.#store.ping()
      if (this.#episode.failures > 0) await this.#store.append([trialUnit()])
    })
  }

  /**
   * Checks every second, so that a failure is reported even while nobody asks. Gives the function that ends it, which
   * resolves when the last check has ended.
   */
  watch(sleep: (ms: number, signal: AbortSignal) => Promise<unknown> = slept): () => Promise<void> {
    const ending = new AbortController()
    const watching = (async () => {
      for (;;) {
        await sleep(CHECK_EVERY_MS, ending.signal)
        if (ending.signal.aborted) return
        // The episode reports it.
        await this.check().catch(() => {})
      }
    })()
    return () => {
      ending.abort()
      return watching
    }
  }

  /** How long the first append waits that has not ended, in ms; 0: there is none. */
  get appendingMs(): number {
    const [first] = this.#appending
    return first ? performance.now() - first.began : 0
  }

  /** Why the last append, or the last check, has failed. Null: it has not. */
  get failure(): StoreError | null {
    return this.#failure
  }

  /** The store, with each of its appends observed. */
  observeAppends(): Store {
    const append: Store['append'] = (units, options) => {
      const run = () => this.#store.append(units, options)
      // Units that only check are a read: it tells nothing about writes.
      return units.some(isWrite) ? this.#observe(() => this.#time(run)) : run()
    }
    return new Proxy(this.#store, {
      get: (store, name) => {
        if (name === 'append') return append
        const member: unknown = Reflect.get(store, name, store)
        return typeof member === 'function' ? member.bind(store) : member
      },
    })
  }

  async #time<T>(run: () => Promise<T>): Promise<T> {
    const one = { began: performance.now() }
    this.#appending.add(one)
    try {
      return await run()
    } finally {
      this.#appending.delete(one)
    }
  }

  async #observe<T>(run: () => Promise<T>): Promise<T> {
    try {
      const result = await run()
      this.#episode.succeed()
      this.#failure = null
      return result
    } catch (error) {
      // A unit that the store refuses says nothing about the next one.
      if (error instanceof StoreError && error.reason !== 'refused') {
        this.#failure = error
        this.#episode.fail(error)
      }
      throw error
    }
  }
}

function trialUnit(): Unit {
  const filler = Buffer.from(crypto.getRandomValues(new Uint8Array(TRIAL_BYTES))).toString('base64')
  const key = { key: `health:${Bun.randomUUIDv7()}`, fingerprint: '', stream: '', version: 0, count: 0 }
  return { slices: [], keys: [{ ...key, rejection: JSON.stringify(filler), keepMs: TRIAL_KEEP_MS }] }
}
