// After a takeover a subscription goes on with caution, as one of the next events may have ended the owner before: in small pages that are
// saved each, and the first of them event by event, each announced before it is handled.
import type { Lease } from '../ports/read-model/leases.ts'
import type { ReadModel } from '../ports/read-model/read-model.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Consumer } from './consumer.ts'

/** Another process has taken the subscription over. */
export class Fenced extends Error {}

/** The events of a small page. Each page is saved, so the event that ends an owner again is in the first of them. */
export const SMALL_PAGE_EVENTS = 64
/** After a takeover so many events are handled in small pages. */
const CAREFUL_EVENTS = 5_000
/** After so many takeovers at one position, the first page is handled event by event. */
const TAKEOVERS_MAX = 3
/** An event at which so many owners in a row have ended is blamed. One owner alone may have been slow, or killed by anybody. */
const SUSPECT_TIMES_MAX = 2

type Announced = { readonly epoch: number; readonly position: number; readonly key: string | null }

export class Caution {
  readonly #readModel: ReadModel
  readonly #consumer: Consumer
  #eventsLeft = 0
  #isOneByOne = false
  /** The last event that was announced, and under which epoch. */
  #announced: Announced | null = null

  constructor(readModel: ReadModel, consumer: Consumer) {
    this.#readModel = readModel
    this.#consumer = consumer
  }

  begin({ takeovers, suspect }: Lease): void {
    this.#eventsLeft = takeovers > 0 || suspect ? CAREFUL_EVENTS : 0
    this.#isOneByOne = takeovers >= TAKEOVERS_MAX || suspect !== null
  }

  get isNeeded(): boolean {
    return this.#eventsLeft > 0
  }

  /** The lease without a suspect that this process announced itself: the store failed then, and the process did not end. */
  withoutOwnSuspect(lease: Lease): Lease {
    const announced = this.#announced
    const { epoch, suspect } = lease
    const isOwn = announced?.epoch === epoch - 1 && announced.position === suspect?.position && announced.key === suspect.key
    return isOwn ? { ...lease, suspect: null } : lease
  }

  handle(events: readonly StoredEvent[], lease: Lease): Promise<void> {
    this.#eventsLeft -= events.length
    return inTurn(() => (this.#isOneByOne ? this.#handleOneByOne(events, lease) : this.#consumer.handle(events, null)))
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

/** The lease without a suspect at which too few owners have ended for it to be blamed. */
export function withBlamedSuspect(lease: Lease): Lease {
  const { suspect } = lease
  return suspect !== null && suspect.times >= SUSPECT_TIMES_MAX ? lease : { ...lease, suspect: null }
}

/** How long a careful page waits for that of another subscription, in ms. */
const TURN_MAX_MS = 1_000
let last: Promise<void> = Promise.resolve()

/**
 * Handles one careful page after the other, of all subscriptions of this process. Otherwise the event that ends the process would leave
 * suspects in subscriptions that only happened to run.
 */
async function inTurn(run: () => Promise<void>): Promise<void> {
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
