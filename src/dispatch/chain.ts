// Commands on one stream that are appended together, each decided on the state that the one before it leaves.
import { type Folded as FoldedState, decide, evolve } from '../decider/fold.ts'
import type { Event } from '../event/events.ts'
import { encode } from '../event/payload.ts'
import { type Expectation, holds, type NewEvent, type NewKey } from '../store/store.ts'
import type { Trace } from '../trace/trace.ts'
import { type Member, newEvent } from './member.ts'
import type { Rejected } from './outcome.ts'

/** A state, the version and the position of the event that gave it, and how much payload was folded into it, in characters. */
export type Folded = FoldedState & { readonly position: number; readonly size: number }

/** What one member of a chain came to, should the chain be appended. `version` is the stream's after it. */
export type Decided =
  | { readonly member: Member; readonly kind: 'accepted'; readonly version: number; readonly events: readonly Event[] }
  | { readonly member: Member; readonly kind: 'rejected'; readonly outcome: Rejected }
  | { readonly member: Member; readonly kind: 'conflict'; readonly expected: Expectation; readonly actual: number }

export type Chain = {
  readonly decided: readonly Decided[]
  readonly events: readonly NewEvent[]
  readonly keys: readonly NewKey[]
  readonly after: FoldedState
  readonly size: number
  /** Those whose decision threw, and whose keys may have been used before. */
  readonly unsure: readonly Member[]
  /** How many of the members it holds; the rest was too much for it. */
  readonly taken: number
}

/** The most payload of a chain, in characters, after which it takes no more members. */
const CHAIN_SIZE_MAX = 1_048_576

/**
 * Decides members in order over a state. A member's own precondition is compared with its version in the chain, before it is
 * decided. A member whose decision throws, or whose events JSON would change, fails alone; the state stays as it was before it.
 */
export function chain(stream: string, from: FoldedState, members: readonly Member[], now: number, trace: Trace): Chain {
  const decided: Decided[] = []
  const events: NewEvent[] = []
  const keys: NewKey[] = []
  const unsure: Member[] = []
  let after = from
  let size = 0
  let taken = 0
  for (const member of members) {
    if (size >= CHAIN_SIZE_MAX) break
    taken++
    try {
      const link = trace.step(
        'decide',
        [member.parent],
        { 'emaki.command': `${member.decider.name}.${member.command.command}` },
        () => one(member, after, now),
      )
      if (link.key) keys.push({ ...link.key, stream })
      for (const event of link.events) {
        events.push(event)
        size += event.data.length + event.meta.length
      }
      after = link.after
      decided.push(link.decided)
    } catch (error) {
      if (member.keyCheck === 'append') {
        member.keyCheck = 'before'
        unsure.push(member)
      } else member.fail(error)
    }
  }
  return { decided, events, keys, after, size, unsure, taken }
}

type Link = {
  readonly decided: Decided
  readonly events: readonly NewEvent[]
  readonly key: Omit<NewKey, 'stream'> | null
  readonly after: FoldedState
}

function one(member: Member, from: FoldedState, now: number): Link {
  const { decider, command, expect } = member
  if (expect !== null && !holds(expect, from.version)) {
    return { decided: { member, kind: 'conflict', expected: expect, actual: from.version }, events: [], key: null, after: from }
  }
  const decision = decide(decider, from.state, command, { instance: command.id, now: new Date(now), actor: member.actor })
  if ('rejection' in decision) {
    const { code, data } = decision.rejection
    const rejection = data === undefined ? { code } : { code, data }
    const key = member.key && { ...member.key, version: from.version, count: 0, rejection: encode(rejection) }
    return { decided: { member, kind: 'rejected', outcome: { outcome: 'rejected', ...rejection } }, events: [], key, after: from }
  }
  const meta = JSON.stringify(member.meta)
  const events = decision.events.map(event => newEvent(decider.events, event, meta))
  const after = evolve(decider, from, decision.events)
  const key = member.key && { ...member.key, version: after.version, count: events.length, rejection: null }
  return { decided: { member, kind: 'accepted', version: after.version, events: decision.events }, events, key, after }
}
