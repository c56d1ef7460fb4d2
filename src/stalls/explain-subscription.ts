// Explains from what the store says why a projection, a processor, a process or a schedule stands still. Pure.
import { verbCommand } from '../lib/verb-command.ts'
import type { LeaseHolder } from '../ports/read-model/leases.ts'
import type { Parked } from '../ports/read-model/parked.ts'
import { isPause } from '../subscription/pausing.ts'
import type { Status } from '../subscription/status.ts'
import { formatMs, type Stall, type StallCause, timeBefore } from './stall.ts'

/** A subscription that has not moved for this time while events wait stands still, in ms. */
export const STANDS_MS = 2_000
/** The same of one that is this many events behind. It saves what it folds every 10 s, so it may be on its way. */
export const FAR_BEHIND_EVENTS = 1_000
export const FAR_BEHIND_MS = 12_000

/** An event that waits. `at`: in ms since 1970. */
export type WaitingEvent = {
  readonly position: number
  readonly type: string
  readonly stream: string
  readonly at: number
}

export type SubscriptionFacts = Pick<Status, 'name' | 'definition' | 'position' | 'isServing' | 'failure'> & {
  /** By the clock of the database, in ms since 1970. */
  readonly now: number
  readonly head: number
  readonly leaseMs: number
  readonly lease: LeaseHolder | null
  /** When its checkpoint moved last, in ms since 1970. Null: it has not begun. */
  readonly movedAt: number | null
  /** The first event that it has not handled. Null: none waits. */
  readonly next: WaitingEvent | null
  readonly parked: readonly Parked[]
  /** A processor: the longest pause before it tries a key again, in ms. Null: it is none. */
  readonly retryMs: number | null
  /** The table that serves instead of this one. Null: none does. */
  readonly servedBy: string | null
  /** What this process handles for it now. Null: nothing, or another process runs it. */
  readonly current: { readonly position: number; readonly key: string } | null
}

/** Explains why one subscription, or one schedule, does not go on. Empty: it goes on, or nothing waits for it. */
export function explainSubscription(facts: SubscriptionFacts): readonly Stall[] {
  const { position, head } = facts
  if (position > head) return [restored(facts)]
  const still = explainStill(facts)
  return [...(still ? [still] : []), ...explainParked(facts)]
}

function explainStill(facts: SubscriptionFacts): Stall | null {
  const { lease, next, definition, isServing, failure } = facts
  if (lease && isPause(lease)) return paused(facts)
  if (definition.kind === 'schedule') return lease && lease.leftMs > 0 ? null : nobody(facts)
  if (!next) return null
  if (!lease || lease.leftMs <= 0) return standsFor(facts) < STANDS_MS ? null : nobody(facts)
  // A live owner renews its lease in every third of it.
  if (lease.leftMs < facts.leaseMs / 2) return deadOwner(facts, lease)
  if (failure !== null) return failing(facts, failure)
  if (definition.kind === 'projection' && !isServing) return rebuild(facts)
  const limitMs = facts.head - facts.position > FAR_BEHIND_EVENTS ? FAR_BEHIND_MS : STANDS_MS
  return standsFor(facts) < limitMs ? null : handler(facts, lease)
}

/** Since when an event waits, and the checkpoint has not moved, in ms. */
function standsFor({ now, movedAt, next }: SubscriptionFacts): number {
  return next ? now - Math.max(movedAt ?? 0, next.at) : 0
}

type Said = readonly [cause: StallCause, sentence: string, mend: string, sinceMs?: number | null]

function stallOf({ name, now }: SubscriptionFacts, [cause, sentence, mend, sinceMs = null]: Said): Stall {
  return { cause, subject: name, sentence, since: sinceMs === null ? null : timeBefore(now, sinceMs), mend, chain: [] }
}

function restored(facts: SubscriptionFacts): Stall {
  const { name, position, head } = facts
  const sentence = `${name} is at ${position}, and the log ends at ${head}: the database was restored to an earlier time.`
  return stallOf(facts, ['restored', sentence, `Stop all processes, run \`${verbCommand('restore')}\`, and start again.`])
}

function paused(facts: SubscriptionFacts): Stall {
  const { name, definition } = facts
  return stallOf(facts, ['paused', `${name} is paused${behind(facts)}.`, `Run \`${verbCommand('resume', definition.name)}\`.`])
}

function nobody(facts: SubscriptionFacts): Stall {
  const { name, lease } = facts
  const why = lease ? `: the lease of ${lease.owner} ended ${formatMs(-lease.leftMs)} ago, and nobody has taken it` : ''
  const sentence = `No process runs ${name}${why}${behind(facts)}.`
  return stallOf(facts, [
    'nobody',
    sentence,
    `Start a process of the release that has it: \`${verbCommand('serve')}\`.`,
    standsFor(facts),
  ])
}

function deadOwner(facts: SubscriptionFacts, { owner, leftMs }: LeaseHolder): Stall {
  const silentMs = facts.leaseMs - leftMs
  const sentence = `${owner}, which runs ${facts.name}, has not renewed its lease for ${formatMs(silentMs)}: it has died, or hangs. Another process may take the lease in ${formatMs(leftMs)}.`
  const mend = `It mends itself where another process runs. Else start one: \`${verbCommand('serve')}\`.`
  return stallOf(facts, ['dead-owner', sentence, mend, Math.max(standsFor(facts), 0)])
}

function failing(facts: SubscriptionFacts, failure: string): Stall {
  const sentence = `${facts.name} fails and is tried again, within 5 s each time: ${failure}${behind(facts)}.`
  return stallOf(facts, ['retry', sentence, 'Mend what it says. It goes on by itself.', standsFor(facts)])
}

function rebuild(facts: SubscriptionFacts): Stall {
  const { name, position, head, servedBy } = facts
  const meanwhile = servedBy === null ? 'there are no rows meanwhile' : `${servedBy} serves meanwhile`
  const sentence = `${name} is being filled, and is at ${position} of ${head}; ${meanwhile}.`
  return stallOf(facts, ['rebuild', sentence, `Wait. \`${verbCommand('status')}\` shows how far it is.`])
}

function handler(facts: SubscriptionFacts, { owner }: LeaseHolder): Stall {
  const { name, next, current } = facts
  const forMs = standsFor(facts)
  const what = current ? `the event at ${current.position} of ${JSON.stringify(current.key)}` : describe(next!)
  const sentence = `${name} does not move: ${owner} runs it, is alive, and has had ${what} for ${formatMs(forMs)}${behind(facts)}.`
  const mend = 'Look at what its handler waits for. To hand it to another process, restart that one.'
  return stallOf(facts, ['handler', sentence, mend, forMs])
}

function explainParked(facts: SubscriptionFacts): readonly Stall[] {
  const staying = facts.parked.filter(({ again }) => again === null)
  const retrying = facts.parked.filter(({ again }) => again !== null)
  return [...explainKeys(facts, staying, 'parked'), ...explainKeys(facts, retrying, 'retry')]
}

function explainKeys(facts: SubscriptionFacts, keys: readonly Parked[], cause: 'parked' | 'retry'): readonly Stall[] {
  const [first] = keys
  if (!first) return []
  const { name, definition, now } = facts
  const others = keys.length > 1 ? ` and ${keys.length - 1} more` : ''
  const within = facts.retryMs === null ? '' : `, the next time within ${formatMs(facts.retryMs)},`
  const isTried = cause === 'retry' ? `is tried again and again${within}` : 'is parked'
  const sentence = `${first.kind} ${JSON.stringify(first.key)}${others} of ${name} ${isTried} at the event at ${first.position}: ${first.cause}`
  const [unpark, skip] = ['unpark', 'skip'].map(verb => verbCommand(verb, definition.name, first.key))
  const mend =
    cause === 'retry'
      ? `Mend what it says. To try at once, run \`${unpark}\`.`
      : `Mend the cause, then run \`${unpark}\`; or pass over the event: \`${skip}\`.`
  return [stallOf(facts, [cause, sentence, mend, now - Date.parse(first.at)])]
}

function behind({ head, position, definition }: SubscriptionFacts): string {
  const many = head - position
  if (definition.kind === 'schedule' || many <= 0) return ''
  return many === 1 ? '; 1 event waits' : `; ${many} events wait`
}

function describe({ position, type, stream }: WaitingEvent): string {
  return `the event at ${position} (${type} of ${stream})`
}
