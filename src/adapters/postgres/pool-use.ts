// Who uses the connections of a pool, and who waits for one.
import { type Histogram, type Meter, type Observed, unmetered } from '../../ports/metrics/meter.ts'

export class PoolUse {
  readonly name: string
  readonly max: number
  readonly #waits: Histogram
  #used = 0
  #pending = 0

  constructor(name: string, max: number, meter: Meter = unmetered) {
    this.name = name
    this.max = max
    this.#waits = meter.histogram('db.client.connection.wait_time', name)
  }

  get used(): number {
    return this.#used
  }

  get pending(): number {
    return this.#pending
  }

  /** Watches a call until it ends. The call says when it has its connection. */
  async watch<T>(call: (begin: () => void) => Promise<T>): Promise<T> {
    const asked = performance.now()
    let hasBegun = false
    const begin = () => {
      hasBegun = true
      this.#pending--
      this.#used++
      this.#waits.record((performance.now() - asked) / 1_000)
    }
    this.#pending++
    try {
      return await call(begin)
    } finally {
      if (hasBegun) this.#used--
      else this.#pending--
    }
  }
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
