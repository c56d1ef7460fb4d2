// Learns the checkpoints that other processes move: often while somebody waits for one, and seldom otherwise.
import type { ReadModel } from '../ports/read-model/read-model.ts'
import { backOff } from '../lib/back-off.ts'
import { Episode } from '../ports/report/episode.ts'
import type { Report } from '../ports/report/notice.ts'
import type { Subscription } from './subscription.ts'

export type CheckpointWaitersOptions = {
  readonly readModel: ReadModel
  readonly subscriptions: () => readonly Subscription[]
  /** Gives the subscription that serves a projection. Null: none does yet. */
  readonly servingOf: (projection: string) => Subscription | null
  /** Called when another process has moved a checkpoint. */
  readonly onMoved: (subscription: string, position: number) => void
  readonly report: Report
}

const POLL_WAITING_MS = 10
const POLL_IDLE_MS = 1_000
const POLL_FAILED = { firstMs: 20, maxMs: 1_000 }

export class CheckpointWaiters {
  readonly #options: CheckpointWaitersOptions
  /** How many callers wait for the checkpoint of each subscription. */
  readonly #waiting = new Map<Subscription, number>()
  /** How many callers follow the rows of each projection, whichever table serves. */
  readonly #followers = new Map<string, number>()
  readonly #failing: Episode
  #poll: Timer | null = null
  #isClosed = false

  constructor(options: CheckpointWaitersOptions) {
    this.#options = options
    const what = 'The checkpoints of other processes could not be read'
    this.#failing = new Episode({ report: options.report, what, mend: 'Readers who wait for new rows wait longer meanwhile.' })
  }

  /** Polls as soon as possible, and then again and again. */
  pollNow(): void {
    this.#schedule(0)
  }

  close(): void {
    this.#isClosed = true
    if (this.#poll) clearTimeout(this.#poll)
  }

  /**
   * Resolves to true once a checkpoint is at or past a position, whichever process moves it; to false when the signal
   * aborts first.
   */
  waitFor(subscription: Subscription, position: number, signal: AbortSignal): Promise<boolean> {
    if (subscription.position >= position) return Promise.resolve(true)
    if (signal.aborted || this.#isClosed) return Promise.resolve(false)
    return new Promise(resolve => {
      const end = (isReached: boolean) => {
        unsubscribe()
        signal.removeEventListener('abort', giveUp)
        addCount(this.#waiting, subscription, -1)
        resolve(isReached)
      }
      const giveUp = () => end(false)
      addCount(this.#waiting, subscription, 1)
      const unsubscribe = subscription.onCheckpoint(() => subscription.position >= position && end(true))
      signal.addEventListener('abort', giveUp)
      if (!subscription.isOwner) this.pollNow()
    })
  }

  /** Polls often for a projection's checkpoint, whichever process moves it. Gives the function that ends this. */
  follow(projection: string): () => void {
    addCount(this.#followers, projection, 1)
    if (this.#isAwaited()) this.pollNow()
    let end = () => {
      end = () => {}
      addCount(this.#followers, projection, -1)
    }
    return () => end()
  }

  /** Reads all checkpoints that other processes move. Rejects with the store's error. */
  async learnAll(): Promise<void> {
    const others = this.#options.subscriptions().filter(({ isOwner }) => !isOwner)
    if (!others.length) return
    const progress = await this.#options.readModel.progress(others.map(({ name }) => name))
    const positions = new Map(progress.map(({ name, position }) => [name, position]))
    for (const subscription of others) this.#learnCheckpoint(subscription, positions.get(subscription.name) ?? 0)
  }

  #learnCheckpoint(subscription: Subscription, position: number): void {
    if (subscription.isOwner || subscription.position === position) return
    this.#options.onMoved(subscription.name, position)
    subscription.learnCheckpoint(position)
  }

  /** Whether a caller waits for a subscription of another process. */
  #isAwaited(): boolean {
    return (
      [...this.#waiting.keys()].some(({ isOwner }) => !isOwner) ||
      [...this.#followers.keys()].some(projection => this.#options.servingOf(projection)?.isOwner === false)
    )
  }

  #schedule(ms: number): void {
    if (this.#isClosed) return
    if (this.#poll) clearTimeout(this.#poll)
    this.#poll = setTimeout(() => void this.#pollOnce(), ms)
    this.#poll.unref()
  }

  async #pollOnce(): Promise<void> {
    try {
      await this.learnAll()
      this.#failing.succeed()
      this.#schedule(this.#isAwaited() ? POLL_WAITING_MS : POLL_IDLE_MS)
    } catch (error) {
      // The store is away. Callers go on waiting as long as they would anyway.
      this.#schedule(backOff(this.#failing.fail(error), POLL_FAILED))
    }
  }
}

/** Changes a count by one. A count of zero is dropped. */
function addCount<K>(counts: Map<K, number>, key: K, change: 1 | -1): void {
  const count = (counts.get(key) ?? 0) + change
  if (count) counts.set(key, count)
  else counts.delete(key)
}
