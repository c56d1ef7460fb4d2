// After a takeover a subscription works with caution, because one of the next events may have ended the earlier owner,
// and after a failure, because a page may have been too much for the store.
// It handles small pages and saves each. It handles the first page event by event, and announces each event before.
import type { Lease } from '../ports/read-model/leases.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Consumer } from './consumer.ts'

/** Another process has taken the subscription over. */
export class Fenced extends Error {}

/** The events of a small page. Each page is saved, so an event that ends the next owner too is in its first page. */
export const SMALL_PAGE_EVENTS = 64
/** How many events are handled in small pages after a takeover or a failure. */
const CAREFUL_EVENTS = 5_000
/** After so many takeovers at one position, the first page is handled event by event. */
const TAKEOVERS_MAX = 3
/**
 * How many owners in a row must end at an event before it is blamed. One alone may have been slow, or killed by
 * anybody.
 */
const SUSPECT_TIMES_MAX = 2

type Announced = { readonly epoch: number; readonly position: number; readonly key: string | null }

export class Caution {
  readonly #readModel: ReadModel
  readonly #consumer: Consumer
  #eventsLeft = 0
  #isOneByOne = false
  #hasFailed = false
  /** The last announced event, with the lease's epoch. */
  #announced: Announced | null = null

  constructor(readModel: ReadModel, consumer: Consumer) {
    this.#readModel = readModel
    this.#consumer = consumer
  }

  begin({ takeovers, suspect }: Lease): void {
    this.#eventsLeft = takeovers > 0 || suspect || this.#hasFailed ? CAREFUL_EVENTS : 0
    this.#hasFailed = false
    this.#isOneByOne = takeovers >= TAKEOVERS_MAX || suspect !== null
  }

  /** Begins the next lease with small pages. */
  slowDown(): void {
    this.#hasFailed = true
  }

  get isNeeded(): boolean {
    return this.#eventsLeft > 0
  }

  /** Removes a suspect that this process announced itself: the store failed then, and the process did not end. */
  withoutOwnSuspect(lease: Lease): Lease {
    const announced = this.#announced
    const { epoch, suspect } = lease
    const isOwn = announced?.epoch === epoch - 1 && announced.position === suspect?.position && announced.key === suspect.key
    return isOwn ? { ...lease, suspect: null } : lease
  }

  handle(events: readonly StoredEvent[], lease: Lease): Promise<void> {
    this.#eventsLeft -= events.length
    return runInTurn(() => (this.#isOneByOne ? this.#handleOneByOne(events, lease) : this.#consumer.handle(events, null)))
  }

  async #handleOneByOne(events: readonly StoredEvent[], lease: Lease): Promise<void> {
    this.#isOneByOne = false
    await this.#consumer.handle(events, (position, key) => this.#announce(lease, position, key))
    if (!(await this.#readModel.suspect(lease.name, lease.epoch, null))) throw new Fenced()
  }

  async #announce({ name, epoch, suspect }: Lease, position: number, key: string | null): Promise<void> {
    this.#announced = { epoch, position, key }
    const times = suspect?.position === position && suspect.key === key ? suspect.times + 1 : 1
    if (!(await this.#readModel.suspect(name, epoch, { position, key, times }))) throw new Fenced()
  }
}

/** Removes a suspect at which too few owners have ended for blame. */
export function withBlamedSuspect(lease: Lease): Lease {
  const { suspect } = lease
  return suspect !== null && suspect.times >= SUSPECT_TIMES_MAX ? lease : { ...lease, suspect: null }
}

/** How long a careful page waits for the careful page of another subscription, in ms. */
const TURN_MAX_MS = 1_000
let last: Promise<void> = Promise.resolve()

/**
 * Handles one careful page at a time among all subscriptions of this process. Otherwise an event that ends the process
 * would leave suspects in subscriptions that only happened to run.
 */
async function runInTurn(run: () => Promise<void>): Promise<void> {
  const before = last
  const { promise, resolve } = Promise.withResolvers<void>()
  last = promise
  await Promise.race([before, Bun.sleep(TURN_MAX_MS)])
  try {
    await run()
  } finally {
    resolve()
  }
}
