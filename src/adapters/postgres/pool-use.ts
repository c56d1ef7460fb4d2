// Who uses the connections of a pool, and who waits for one.
import type { FullPool } from '../../ports/store/waits.ts'
import { type Histogram, type Meter, type Observed, unmetered } from '../../ports/metrics/meter.ts'

export class PoolUse {
  readonly name: string
  readonly max: number
  readonly #waits: Histogram
  #used = 0
  /** When those asked who wait, the first one first. */
  readonly #pending = new Set<{ readonly asked: number }>()

  constructor(name: string, max: number, meter: Meter = unmetered) {
    this.name = name
    this.max = max
    this.#waits = meter.histogram('db.client.connection.wait_time', name)
  }

  get used(): number {
    return this.#used
  }

  get pending(): number {
    return this.#pending.size
  }

  /** How long the first of those waits who wait, in ms; 0: nobody does. */
  get waitMs(): number {
    const [first] = this.#pending
    return first ? performance.now() - first.asked : 0
  }

  /** Watches a call until it ends. The call says when it has its connection. */
  async watch<T>(call: (begin: () => void) => Promise<T>): Promise<T> {
    const waiting = { asked: performance.now() }
    let hasBegun = false
    const begin = () => {
      hasBegun = true
      this.#pending.delete(waiting)
      this.#used++
      this.#waits.record((performance.now() - waiting.asked) / 1_000)
    }
    this.#pending.add(waiting)
    try {
      return await call(begin)
    } finally {
      if (hasBegun) this.#used--
      else this.#pending.delete(waiting)
    }
  }
}

/** The pools in which somebody waits for a connection. */
export function findFullPools(pools: readonly PoolUse[]): readonly FullPool[] {
  const full = pools.filter(({ pending }) => pending > 0)
  return full.map(({ name: role, max, pending: waiting, waitMs }) => ({ role, max, waiting, waitMs }))
}

/** What is known of pools now. */
export function readPools(
  pools: readonly PoolUse[],
): Observed<'db.client.connection.count' | 'db.client.connection.pending_requests'> {
  return {
    'db.client.connection.count': pools.flatMap(({ name, used, max }) => [
      { values: [name, 'used'] as const, value: used },
      { values: [name, 'idle'] as const, value: max - used },
    ]),
    'db.client.connection.pending_requests': pools.map(({ name, pending }) => ({ values: [name] as const, value: pending })),
  }
}
