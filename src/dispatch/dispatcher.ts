// The command's path: load, decide, append, evolve, answer, publish.
import { LRUCache } from 'lru-cache'
import type { Bus } from '../bus/bus.ts'
import type { DeciderSpec } from '../decider/decider.ts'
import { encode } from '../event/payload.ts'
import type { NewSnapshot, Store, StoredKey } from '../store/store.ts'
import type { Trace } from '../trace/trace.ts'
import type { Folded } from './chain.ts'
import { Desk, end, late, recalled, type Room, unavailable } from './desk.ts'
import { Lane, type Work } from './lane.ts'
import { Loader } from './loader.ts'
import { type Member, replay } from './member.ts'
import type { Outcome } from './outcome.ts'
import { pages, type Written } from './pages.ts'

/** How often the commands that wait are looked through for those whose time is over. */
const SWEEP_MS = 50
/**
 * A command whose streams were new this often, as a moving average, is decided as if they were: one round trip and not two.
 * Measured with one event a new stream, 64 callers, PostgreSQL: 20 k against 29 k commands/s.
 */
const ASSUMED_NEW_FROM = 0.8
const AVERAGE_WEIGHT = 0.1

export type DispatcherOptions = {
  readonly store: Store
  readonly bus: Bus
  readonly trace: Trace
  readonly now: () => number
  /** What is told of failures that no caller waits for. */
  readonly report: (error: unknown) => void
  readonly cache: { readonly entries: number; readonly size: number }
  readonly queue: { readonly commands: number; readonly size: number }
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #lane: Lane
  readonly #loader: Loader
  readonly #room: Room
  readonly #desks = new Map<string, Desk>()
  readonly #states: LRUCache<string, Folded>
  readonly #newness = new Map<string, number>()
  readonly #keys = new Map<string, { readonly leader: Member; followers: Member[] }>()
  readonly #saving = new Set<Promise<void>>()
  #arrivals = 0
  /** What landed of the flight that is being answered. */
  #written: Written[] = []
  #waiting = { commands: 0, size: 0 }
  #sweeper: Timer | null = null
  #closing = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#lane = new Lane(options.store, options.trace, () => this.#publish())
    this.#states = new LRUCache({
      max: options.cache.entries,
      maxSize: options.cache.size,
      sizeCalculation: ({ size }) => size + 1,
    })
    const turn = (desk: Desk) => this.#turn(desk)
    this.#loader = new Loader(
      options.store,
      options.trace,
      () => this.#arrivals,
      turn,
      (desk, error) => this.#fail(desk, error),
    )
    this.#room = {
      trace: options.trace,
      now: options.now,
      turn,
      learned: (first, isNew) => this.#learned(first, isNew),
      committed: (desk, before, written) => {
        this.#snapshot(desk, before)
        this.committed(written)
      },
      recall: (decider, key) => this.#recall(decider, key),
    }
  }

  /** How many commands wait for their outcome. */
  get waiting(): number {
    return this.#waiting.commands
  }

  /** Puts a command into the queue of its stream. It is answered exactly once, by `answer` or `fail`. */
  enqueue(make: (arrival: number, ended: () => void) => Member): void {
    const member = make(this.#arrivals++, () => this.#ended(member))
    const { commands, size } = this.#options.queue
    this.#waiting.commands++
    this.#waiting.size += member.size
    if (this.#closing || this.#waiting.commands > commands || this.#waiting.size > size) return member.answer(unavailable)
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS)
    this.#seat(member)
  }

  /** Puts an append over several streams into the lane. It is answered exactly once; false: there is no room for it. */
  add(make: (ended: () => void) => Work): boolean {
    if (this.#closing || this.#waiting.commands >= this.#options.queue.commands) return false
    const work = make(() => void this.#waiting.commands--)
    this.#waiting.commands++
    this.#sweeper ??= setInterval(() => this.#sweep(), SWEEP_MS)
    for (const stream of work.streams) this.#states.delete(stream)
    this.#lane.add(work)
    return true
  }

  /** The state of a stream that is known to this process, however old. */
  known(stream: string): Folded | null {
    return this.#desks.get(stream)?.folded ?? this.#states.get(stream) ?? null
  }

  /** Takes a newer state than the one that is known. */
  learn(stream: string, folded: Folded): void {
    if (folded.version > (this.known(stream)?.version ?? 0)) this.#states.set(stream, folded)
  }

  /** Takes what was appended, to be published when all who wait for the flight are answered. */
  committed(written: Written): void {
    this.#written.push(written)
  }

  /** Takes no more commands, and resolves when those it took are answered. */
  async close(): Promise<void> {
    this.#closing = true
    while (this.#waiting.commands > 0) await new Promise(resolve => setTimeout(resolve, 1))
    await this.#lane.drained()
    await Promise.all(this.#saving)
    if (this.#sweeper) clearInterval(this.#sweeper)
  }

  #seat(member: Member): void {
    if (member.key) {
      const flying = this.#keys.get(member.key.key)
      if (flying) return void flying.followers.push(member)
      this.#keys.set(member.key.key, { leader: member, followers: [] })
    }
    const desk = this.#desks.get(member.stream)
    if (desk) return void desk.queue.push(member)
    const opened = new Desk(member.stream, member.decider, this.#states.get(member.stream) ?? null, this.#room)
    this.#desks.set(member.stream, opened)
    opened.queue.push(member)
    if (opened.folded === null && !member.decider.snapshot && (this.#newness.get(nameOf(member)) ?? 0) > ASSUMED_NEW_FROM)
      opened.assumeNew()
    this.#turn(opened)
  }

  #learned(first: Member, isNew: boolean): void {
    const name = nameOf(first)
    const average = this.#newness.get(name) ?? 0
    this.#newness.set(name, average + AVERAGE_WEIGHT * (Number(isNew) - average))
  }

  /** A duplicate of a command in flight waits for its outcome, then asks for itself: the log knows the key by then, or it is decided. */
  #ended(member: Member): void {
    this.#waiting.commands--
    this.#waiting.size -= member.size
    const flying = member.key && this.#keys.get(member.key.key)
    if (flying?.leader !== member) return
    this.#keys.delete(member.key!.key)
    for (const follower of flying.followers) this.#seat(follower)
  }

  /** Where a desk goes next: away when nobody waits, to the loader when it does not know enough, else to the lane. */
  #turn(desk: Desk): void {
    if (!desk.queue.length) {
      this.#desks.delete(desk.stream)
      if (desk.folded && !desk.rests) this.#states.set(desk.stream, desk.folded)
      else this.#states.delete(desk.stream)
    } else if (desk.cold) this.#loader.add(desk)
    else this.#lane.add(desk)
  }

  #fail(desk: Desk, error: unknown): void {
    desk.folded = null
    desk.refuse(member => end(member, error, () => unavailable))
    this.#turn(desk)
  }

  /** Tells this process what was appended, and others that something was. */
  #publish(): void {
    const written = this.#written
    if (!written.length) return
    this.#written = []
    const { store, bus, trace, report } = this.#options
    try {
      if (bus.listeners > 0)
        for (const { page, parents } of pages(written))
          trace.step('publish', parents, { 'emaki.events': page.length }, () => bus.publish(page))
    } catch (error) {
      report(error)
    }
    store.announce(written.reduce((head, { landed }) => Math.max(head, landed.position), 0))
  }

  #snapshot({ decider, stream, folded }: Desk, before: Folded): void {
    const { snapshot } = decider
    if (!snapshot || !folded || Math.floor(folded.version / snapshot.every) === Math.floor(before.version / snapshot.every))
      return
    const save = async () => this.#options.store.saveSnapshots([snapshotOf(stream, snapshot.version, folded)])
    const saving = new Promise<void>(resolve => setImmediate(() => save().catch(this.#options.report).finally(resolve)))
    this.#saving.add(saving)
    void saving.then(() => this.#saving.delete(saving))
  }

  /** The outcome that a key stands for. One without events has the position of the event before it, as it had at first. */
  async #recall(decider: DeciderSpec, key: StoredKey): Promise<Outcome> {
    if (key.rejection !== null || key.version === 0) return replay(key, [])
    const limit = Math.max(key.count, 1)
    const stored = await this.#options.store.read(key.stream, { after: key.version - limit, limit })
    const { position } = stored.at(-1) ?? key
    return replay({ ...key, position }, key.count ? recalled(decider, key.stream, stored) : [])
  }

  #sweep(): void {
    const now = performance.now()
    for (const desk of this.#desks.values()) desk.sweep(now)
    this.#lane.sweep(now)
    for (const flying of this.#keys.values()) {
      if (!flying.followers.length) continue
      const over = flying.followers.filter(member => late(member, now))
      if (over.length) flying.followers = flying.followers.filter(member => !late(member, now))
      for (const member of over) member.answer(unavailable)
    }
    if (this.#waiting.commands > 0) return
    clearInterval(this.#sweeper!)
    this.#sweeper = null
  }
}

function nameOf({ decider, command }: Member): string {
  return `${decider.name}.${command.command}`
}

function snapshotOf(stream: string, schema: number, { version, state }: Folded): NewSnapshot {
  return { stream, schema, version, state: encode(state) }
}
