// One stream at work: its state, the commands that wait for it, and what becomes of each flight they join.
import type { DeciderSpec } from '../decider/decider.ts'
import { fold } from '../decider/fold.ts'
import type { Event } from '../event/events.ts'
import { freeze } from '../event/payload.ts'
import { read } from '../event/read.ts'
import { DamagedStream } from '../store/sequence.ts'
import {
  LOAD_FACTS_MAX,
  type Conflict,
  type Landed,
  type Loaded,
  StoreError,
  type StoredEvent,
  type StoredKey,
  type UnitOutcome,
} from '../store/store.ts'
import { type Chain, chain, type Decided, type Folded } from './chain.ts'
import { type Draft, isRefusal, type Work } from './lane.ts'
import type { Member } from './member.ts'
import { KEY_REUSED, type Outcome, type Unavailable, type Unknown } from './outcome.ts'
import type { Written } from './pages.ts'
import type { Trace } from '../trace/trace.ts'

/** How often a command is decided again after losing its stream to another process. */
export const ATTEMPTS_MAX = 200
/** The most commands that one stream puts into one flight. */
const CHAIN_MAX = 256
/** After so many lost flights a stream goes alone. */
const LOST_MAX = 2
const RETRY_AFTER_MS = 1_000

/** What a desk needs of the dispatcher it belongs to. */
export type Room = {
  readonly trace: Trace
  readonly now: () => number
  /** Told of a stream that was not in the cache, whether it turned out to be new. */
  readonly learned: (first: Member, isNew: boolean) => void
  /** Tells that a desk has to be looked at again: it has been loaded, or has landed. */
  readonly turn: (desk: Desk) => void
  /** Told what a stream got, and the state it had before. */
  readonly committed: (desk: Desk, before: Folded, written: Written) => void
  readonly recall: (decider: DeciderSpec, key: StoredKey) => Promise<Outcome>
}

export class Desk implements Work {
  readonly stream: string
  readonly streams: readonly string[]
  readonly decider: DeciderSpec
  readonly #room: Room
  folded: Folded | null
  queue: Member[] = []
  /** Commands that arrived before this number saw the stream read after their arrival. */
  #readAt = -1
  #lost = 0
  /** How many commands it takes at once. */
  #most = CHAIN_MAX
  /** After winning a contested stream: look at it again first, so that others get their turn. */
  rests = false
  /** Decided as if it had no events, without asking: the append's expectation finds out. */
  #assumed = false

  constructor(stream: string, decider: DeciderSpec, folded: Folded | null, room: Room) {
    this.stream = stream
    this.streams = [stream]
    this.decider = decider
    this.folded = folded
    this.#room = room
  }

  /** Takes a stream that nothing is known of for a new one. Where it is not, the conflict brings its events. */
  assumeNew(): void {
    this.folded = { state: this.decider.initial, version: 0, position: 0, size: 0 }
    this.#assumed = true
  }

  get alone(): boolean {
    return this.#lost >= LOST_MAX
  }

  /** Whether the log has to be asked before the first command can be decided. */
  get cold(): boolean {
    return this.folded === null || this.rests || this.queue.some(({ keyCheck }) => keyCheck === 'before')
  }

  /** Takes what a load brought: the state, and the keys that were used before. Throws where the stream cannot be read. */
  loaded(loaded: Loaded, keys: ReadonlyMap<string, StoredKey>, asked: readonly Member[], readAt: number): void {
    const from: Folded = loaded.snapshot
      ? { state: freeze(loaded.snapshot.state), version: loaded.snapshot.version, position: 0, size: 0 }
      : (this.folded ?? { state: this.decider.initial, version: 0, position: 0, size: 0 })
    const end = from.version + loaded.facts.length
    // A load that was not full has come to the end of its stream.
    if (loaded.facts.length < LOAD_FACTS_MAX && end < loaded.version)
      throw new DamagedStream({ stream: this.stream, version: loaded.version, position: loaded.position }, end)
    const folded = fold(this.decider, this.stream, from, loaded.facts)
    if (this.folded === null && this.queue[0]) this.#room.learned(this.queue[0], loaded.version === 0)
    this.folded = { ...folded, position: loaded.more ? from.position : loaded.position, size: from.size + loaded.size }
    if (loaded.more) return
    this.#readAt = readAt
    this.rests = false
    for (const member of asked) {
      member.keyCheck = 'done'
      const stored = keys.get(member.key!.key)
      if (stored) this.#said(member, stored)
    }
  }

  draft(): Draft | null {
    const members = this.#take()
    if (!members.length) return this.#done()
    const before = this.folded!
    const chained = chain(this.stream, before, members, this.#room.now(), this.#room.trace)
    this.queue.unshift(...chained.unsure, ...members.slice(chained.taken))
    const { decided, events, keys } = chained
    const writes = events.length > 0 || keys.length > 0
    if (!writes && decided.every(({ member }) => member.arrival < this.#readAt)) {
      for (const one of decided) one.member.answer(outcomeOf(one, this.stream, before.version, before.position))
      return this.#done()
    }
    return {
      unit: { slices: [{ stream: this.stream, expect: before.version, events }], keys },
      size: chained.size,
      again: true,
      until: Math.max(...decided.map(({ member }) => member.deadline)),
      parents: decided.map(({ member }) => member.parent),
      landed: outcome => this.#landed(before, chained, outcome),
      lost: error => this.#failed(decided, error),
    }
  }

  /** Ends the waiting commands whose time is over; those in a flight are not abandoned. */
  sweep(now: number): void {
    if (!this.queue.some(member => late(member, now))) return
    const queue = this.queue
    this.queue = queue.filter(member => !late(member, now))
    for (const member of queue) if (late(member, now)) member.answer(unavailable)
  }

  /** Ends every waiting command: nothing of it was appended. */
  refuse(end: (member: Member) => void): void {
    for (const member of this.queue.splice(0)) end(member)
  }

  #take(): Member[] {
    this.sweep(performance.now())
    const unasked = this.queue.findIndex(({ keyCheck }) => keyCheck === 'before')
    return this.queue.splice(0, Math.min(this.#most, unasked < 0 ? CHAIN_MAX : unasked))
  }

  #done(): null {
    this.#room.turn(this)
    return null
  }

  #landed(before: Folded, chained: Chain, outcome: UnitOutcome): void {
    this.#most = CHAIN_MAX
    if (this.#assumed) this.#room.learned(chained.decided[0]!.member, outcome.outcome === 'appended')
    if (outcome.outcome === 'appended') this.#won(before, chained, outcome.slices[0]!, outcome.at)
    else if (outcome.outcome === 'duplicate') this.#known(chained, outcome.keys)
    else this.#conflicted(chained, outcome.conflicts[0]!)
    this.#assumed = false
    this.#room.turn(this)
  }

  #won(before: Folded, { decided, events, after, size }: Chain, landed: Landed, at: string): void {
    const position = events.length ? landed.position : before.position
    this.folded = { ...after, position, size: before.size + size }
    this.rests = this.#lost > 0
    this.#lost = 0
    for (const one of decided) {
      const version = one.kind === 'accepted' ? one.version : before.version
      one.member.answer(
        outcomeOf(
          one,
          this.stream,
          version,
          version > before.version ? landed.position - (landed.version - version) : before.position,
        ),
      )
    }
    if (!events.length) return
    const parents = decided.map(({ member }) => member.parent)
    this.#room.committed(this, before, { stream: this.stream, events, landed, at, parents })
  }

  /** Somebody else wrote: what was missed is folded, and the chain decided again, first in line. */
  #conflicted({ decided }: Chain, conflict: Conflict): void {
    if (!this.#assumed) this.#lost++
    this.#missed(conflict)
    const members = decided.map(({ member }) => member)
    for (const member of members) member.attempts++
    this.queue.unshift(...members.filter(({ attempts }) => attempts < ATTEMPTS_MAX))
    for (const { expect, attempts, answer } of members) {
      if (attempts >= ATTEMPTS_MAX)
        answer({ outcome: 'conflict', expected: expect ?? (conflict.expected as number), actual: conflict.actual })
    }
  }

  #missed({ missed }: Conflict): void {
    const from = this.folded
    this.folded = null
    if (!from || !missed) return
    try {
      const facts = missed.map(({ type, schema, data }) => ({ type, schema, data: JSON.parse(data) as unknown }))
      const size = missed.reduce((sum, { data }) => sum + data.length, from.size)
      this.folded = { ...fold(this.decider, this.stream, from, facts), position: (missed.at(-1) as StoredEvent).position, size }
    } catch {
      // Left cold: the load that follows reads the same events and says what is wrong with them.
    }
  }

  /** What is left goes again by itself, so that no stream of repetitions holds it up. */
  #known({ decided }: Chain, keys: readonly StoredKey[]): void {
    const stored = new Map(keys.map(key => [key.key, key]))
    const left: Member[] = []
    for (const { member } of decided) {
      const found = member.key && stored.get(member.key.key)
      if (found) this.#said(member, found)
      else left.push(member)
    }
    this.queue.unshift(...left)
    this.#most = left.length || CHAIN_MAX
  }

  /** A key that was used before: its stored outcome, or a refusal where it named another command. */
  #said(member: Member, stored: StoredKey): void {
    this.queue = this.queue.filter(other => other !== member)
    if (stored.fingerprint !== member.key!.fingerprint) return member.answer({ outcome: 'rejected', code: KEY_REUSED })
    this.#room.recall(this.decider, stored).then(
      outcome => member.answer(outcome),
      error => end(member, error, () => unavailable),
    )
  }

  /** A refused chain goes again in halves, so that only the refused member fails. */
  #failed(decided: readonly Decided[], error: unknown): void {
    const members = decided.map(({ member }) => member)
    const refused = isRefusal(error)
    if (!refused) this.folded = null
    if (refused && members.length > 1) {
      this.#most = members.length >> 1
      this.queue.unshift(...members)
    } else {
      this.#most = CHAIN_MAX
      for (const member of members) end(member, error)
    }
    this.#room.turn(this)
  }
}

export const unavailable: Unavailable = { outcome: 'unavailable', retryAfterMs: RETRY_AFTER_MS }

export function late({ deadline, signal }: Member, now: number): boolean {
  return deadline <= now || signal?.aborted === true
}

/** Ends a command that failed: a store that does not answer for now is an outcome, anything else is thrown. */
export function end(member: Member, error: unknown, outcome: (error: StoreError) => Outcome = outcomeOfError): void {
  if (isForNow(error)) member.answer(outcome(error))
  else member.fail(error)
}

/** Whether a store may answer later what it did not answer now. */
export function isForNow(error: unknown): error is StoreError {
  return error instanceof StoreError && !isRefusal(error)
}

/** What a caller is told of a store that did not answer. */
export function outcomeOfError(error: StoreError): Unavailable | Unknown {
  if (error.reason === 'unknown') return { outcome: 'unknown', retryAfterMs: RETRY_AFTER_MS }
  return error.reason === 'full' ? { outcome: 'unavailable', retryAfterMs: 10 * RETRY_AFTER_MS, full: true } : unavailable
}

function outcomeOf(decided: Decided, stream: string, version: number, position: number): Outcome {
  switch (decided.kind) {
    case 'accepted':
      return { outcome: 'accepted', stream, version, position, events: decided.events }
    case 'rejected':
      return decided.outcome
    case 'conflict':
      return { outcome: 'conflict', expected: decided.expected, actual: decided.actual }
  }
}

/** The events that a key stands for, as they are in the log. */
export function recalled(decider: DeciderSpec, stream: string, stored: readonly StoredEvent[]): readonly Event[] {
  return stored.flatMap(({ version, type, schema, data }) =>
    read(decider.events, stream, version, { type, schema, data: JSON.parse(data) as unknown }),
  )
}
