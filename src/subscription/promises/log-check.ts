// Reads the log again, a few stretches a step, and finds events that break a promise. Each stretch is sealed when it is
// read first: its digest is kept in the store. Later it is read again, and has to have that digest.
import { background } from '../../lib/turns.ts'
import type { Promises, Seal } from '../../ports/promises/promises.ts'
import type { StoredEvent } from '../../ports/store/event.ts'
import { isFull } from '../../ports/store/page-size.ts'
import { Versions } from '../../ports/store/sequence.ts'
import type { Store } from '../../ports/store/store.ts'
import type { AddBreach } from './add-breach.ts'
import { digestOf } from './digest.ts'
import { SeenIds } from './seen-ids.ts'

/** How many positions a stretch has at most, and the size of its payloads, in bytes, at which it ends. */
export const STRETCH_EVENTS = 1_000
const STRETCH_SIZE = 8_388_608
/** How many stretches a step seals, and how many it reads again. */
export const STRETCHES_PER_STEP = 4
/** The work to read a stretch, in characters. */
const READ_SIZE = 65_536

export type LogCheckOptions = {
  readonly store: Pick<Store, 'head' | 'readAll' | 'identity' | 'promises'>
  readonly addBreach: AddBreach
  /** Gives a number from 0 to below 1: where in the log to begin to read again. Default: `Math.random`. */
  readonly random?: () => number
}

export class LogCheck {
  readonly #store: LogCheckOptions['store']
  readonly #addBreach: AddBreach
  readonly #random: () => number
  readonly #ids = new SeenIds()
  /** Where the next seal to check begins, or above that. Null: it has checked none yet. */
  #next: number | null = null

  constructor({ store, addBreach, random = Math.random }: LogCheckOptions) {
    this.#store = store
    this.#addBreach = addBreach
    this.#random = random
  }

  get #promises(): Promises {
    return this.#store.promises
  }

  /** Seals what is new, and checks some of what was sealed before. Rejects with the store's error. */
  async step(): Promise<void> {
    const head = await this.#store.head()
    const last = await this.#lastOfEpoch()
    await this.#checkSome(head)
    if ((last?.until ?? 0) < head) await this.#sealNew(last, head)
    else await this.#sealBefore()
  }

  /** Checks every seal. Rejects with the store's error. */
  async checkAll(onProgress: (position: number) => void = () => {}): Promise<void> {
    if (!(await this.#lastOfEpoch())) return
    for (let from = 0; ; ) {
      const seal = await this.#promises.sealFrom(from)
      if (!seal) return
      await this.#compare(seal, await this.#readAndCheck(seal.after, seal.until, ''))
      onProgress(seal.until)
      from = seal.after + 1
    }
  }

  /** The last seal. After a restore, positions are used anew: the seals of the time before are forgotten. */
  async #lastOfEpoch(): Promise<Seal | null> {
    const last = await this.#promises.lastSeal()
    if (!last || last.epoch === this.#store.identity.epoch) return last
    await this.#promises.forgetSeals()
    return null
  }

  /** A log that grows faster than it is sealed is sealed in part: its newest events are. */
  async #sealNew(last: Seal | null, head: number): Promise<void> {
    const newest = head - STRETCHES_PER_STEP * STRETCH_EVENTS
    let before = last && last.until >= newest ? last : null
    let from = before?.until ?? Math.max(0, newest)
    for (let i = 0; i < STRETCHES_PER_STEP && from < head; i++) {
      const grown = before && before.until - before.after < STRETCH_EVENTS ? await this.#grow(before, head) : null
      // One that ended because of its size does not grow.
      before = grown && grown.until > from ? grown : await this.#seal(from, head, before?.lastAt ?? '')
      from = before.until
    }
  }

  /** Seals the events before the first seal: those that were there when sealing began. */
  async #sealBefore(): Promise<void> {
    const first = await this.#promises.sealFrom(0)
    if (!first) return
    for (let from = Math.max(0, first.after - STRETCH_EVENTS), lastAt = ''; from < first.after; )
      ({ until: from, lastAt } = await this.#seal(from, first.after, lastAt))
  }

  /** Reads on from the last seal, which did not reach as far, and seals both together. */
  async #grow(seal: Seal, head: number): Promise<Seal> {
    const { until, events } = await this.#readAndCheck(seal.after, head, '')
    const sealed = events.filter(({ position }) => position <= seal.until)
    await this.#compare(seal, { until: seal.until, events: sealed })
    return this.#keep(seal.after, until, events, seal.lastAt)
  }

  async #seal(after: number, head: number, lastAt: string): Promise<Seal> {
    const { until, events } = await this.#readAndCheck(after, head, lastAt)
    return this.#keep(after, until, events, lastAt)
  }

  async #keep(after: number, until: number, events: readonly StoredEvent[], lastAt: string): Promise<Seal> {
    const { epoch } = this.#store.identity
    const kept = { after, until, count: events.length, digest: digestOf(events), lastAt: events.at(-1)?.at ?? lastAt, epoch }
    await this.#promises.seal(kept)
    return kept
  }

  /** Checks the next seals in their order. After the last one it begins again at the first. */
  async #checkSome(head: number): Promise<void> {
    this.#next ??= Math.floor(this.#random() * head)
    let first: number | null = null
    for (let i = 0; i < STRETCHES_PER_STEP; i++) {
      const seal: Seal | null = (await this.#promises.sealFrom(this.#next)) ?? (await this.#promises.sealFrom(0))
      if (!seal || seal.after === first) return
      first ??= seal.after
      await this.#compare(seal, await this.#readAndCheck(seal.after, seal.until, ''))
      this.#next = seal.after + 1
    }
  }

  async #compare({ after, until, digest, count }: Seal, found: Stretch): Promise<void> {
    if (found.until === until && found.events.length === count && digestOf(found.events) === digest) return
    const missing = count - found.events.length
    const what = missing > 0 ? `${missing} of them are missing` : 'they are not as they were'
    const message = `The events after position ${after} up to ${until} were read before, and ${what}.`
    await this.#addBreach({ promise: 'immutability', subject: `events ${after + 1}-${until}`, message })
  }

  /** Reads one stretch, and checks what its events alone show. `lastAt`: the time of the event before; '' if not known. */
  async #readAndCheck(after: number, most: number, lastAt: string): Promise<Stretch> {
    if (background.isOver(READ_SIZE)) await background.next()
    const end = Math.min(most, after + STRETCH_EVENTS)
    const asked = { after, until: end, limit: STRETCH_EVENTS, sizeMax: STRETCH_SIZE }
    const events = await this.#store.readAll(asked)
    await this.#checkEvents(after, events, lastAt)
    return { until: isFull(events, asked) ? events.at(-1)!.position : end, events }
  }

  async #checkEvents(after: number, events: readonly StoredEvent[], lastAt: string): Promise<void> {
    const versions = new Versions(after)
    let before = { position: after, at: lastAt }
    for (const event of events) {
      const subject = `${event.stream} ${event.version}`
      const place = `The event ${subject} at position ${event.position}`
      const expected = versions.take(event)
      if (expected !== null)
        await this.#addBreach({ promise: 'order', subject, message: `${place} should have the version ${expected}.` })
      if (event.position <= before.position)
        await this.#addBreach({ promise: 'order', subject, message: `${place} comes after position ${before.position}.` })
      if (event.at < before.at)
        await this.#addBreach({
          promise: 'clock',
          subject,
          message: `${place} is of ${event.at}, and the one before of ${before.at}.`,
        })
      const first = this.#ids.add(event)
      if (first !== null)
        await this.#addBreach({
          promise: 'once',
          subject,
          message: `${place} has the id of the event at position ${first}.`,
        })
      before = event
    }
  }
}

/** The events up to a position. */
type Stretch = { readonly until: number; readonly events: readonly StoredEvent[] }
