import { setImmediate as turn } from 'node:timers/promises'
import { StoreError } from '../../../ports/store/errors.ts'
import type { StoredEvent } from '../../../ports/store/event.ts'
import { logPages } from '../../../ports/store/pages.ts'
import type { Store } from '../../../ports/store/store.ts'
import type { Reading } from './history.ts'
import { eventually } from './patience.ts'

export type Follower = {
  readonly who: string
  readonly seen: { readonly position: number; readonly id: string }[]
  /** Reads on once more from the last position. */
  readonly step: () => Promise<void>
  /** Stays at the head until `stop`. */
  readonly run: () => void
  /** Resolves when it has seen so many events. */
  readonly reaches: (many: number) => Promise<void>
  /** Reads what is left and gives what was seen. */
  readonly stop: () => Promise<Reading>
}

const ATTEMPTS_MAX = 50

/** A reader at the head: each page begins after the last position of the one before. */
export function follow(store: Pick<Store, 'readAll'>, who: string, limit: number): Follower {
  const seen: { readonly position: number; readonly id: string }[] = []
  let stopped = false
  let running: Promise<void> | null = null

  async function page(): Promise<number> {
    const events = await read()
    for (const { position, id } of events) seen.push({ position, id })
    return events.length
  }

  /** A page that could not be read is asked for again, for a bounded time. */
  async function read(): ReturnType<Store['readAll']> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await store.readAll({ after: seen.at(-1)?.position ?? 0, limit })
      } catch (error) {
        if (attempt === ATTEMPTS_MAX || !(error instanceof StoreError)) throw error
      }
    }
  }

  async function run(): Promise<void> {
    while (!stopped) if ((await page()) === 0) await turn()
  }

  async function stop(): Promise<Reading> {
    stopped = true
    await running
    while ((await page()) > 0);
    return { who, seen }
  }

  return {
    who,
    seen,
    step: async () => void (await page()),
    run: () => {
      running = run()
      running.catch(() => {})
    },
    reaches: many => eventually(`${who} has seen ${many}`, () => seen.length >= many),
    stop,
  }
}

/** The whole log, holes and all. */
export async function readLog(store: Pick<Store, 'readAll'>): Promise<readonly StoredEvent[]> {
  return (await Array.fromAsync(logPages(store, { until: Number.MAX_SAFE_INTEGER, seesHoles: false }))).flat()
}
