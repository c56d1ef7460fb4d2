// Commands on one stream that are appended together. Each is decided on the state after the one before it.
import type { Command } from '../definitions/decider/command.ts'
import type { DecideContext } from '../definitions/decider/decider.ts'
import type { Rejection } from '../definitions/decider/reject.ts'
import { decide, evolve, type Folded } from '../definitions/decider/fold.ts'
import type { Event, EventsSpec } from '../definitions/event/events.ts'
import { encode } from '../definitions/event/payload.ts'
import type { StoredFact } from '../definitions/event/read.ts'
import type { NewEvent } from '../ports/store/event.ts'
import type { NewKey } from '../ports/store/unit.ts'
import type { Trace } from '../ports/trace/trace.ts'
import { keysOfIds } from './event-ids.ts'
import { type Conflicted, isExpected, type Later, outcomeOfRejection, type Refused, type Rejected } from './outcome.ts'
import { commandsOf, KEY_KEEP_MS, type PendingCommand } from './pending-command.ts'
import { statesReadBy } from './reads.ts'
import type { StreamState } from './stream-state.ts'

/** The outcome of one command if its batch is appended. `version` is the stream's version after the command. */
export type DecidedCommand =
  | { readonly command: PendingCommand; readonly version: number; readonly events: readonly Event[] }
  | { readonly command: PendingCommand; readonly outcome: Rejected | Later | Conflicted | Refused }

export type DecidedBatch = {
  readonly stream: string
  readonly before: StreamState
  readonly after: Folded
  readonly decided: readonly DecidedCommand[]
  readonly events: readonly NewEvent[]
  readonly keys: readonly NewKey[]
  /** The length of the payloads, in characters. */
  readonly size: number
  /** Commands whose decision threw. */
  readonly failed: readonly { readonly command: PendingCommand; readonly error: unknown }[]
  /** Commands whose key has to be looked up first: their decision appends nothing, and they may have been decided before. */
  readonly unasked: readonly PendingCommand[]
  /** How many of the commands the batch took: at least one. The rest was too large for it, or too long. */
  readonly taken: number
}

/** The clock, the trace and the ids for a decision, and the turn of the event loop that decisions may take. */
export type DecisionContext = {
  readonly now: number
  readonly trace: Trace
  readonly newId: () => string
  readonly turn: { readonly isOver: boolean }
}

/** The payload of one stream's batch after which it takes no more commands, in characters. */
const BATCH_SIZE_MAX = 1_048_576

/**
 * Decides commands in order over a state. Before each decision, the command's expectation is compared with the version
 * at its place in the batch. If a decision throws, or JSON would change its events, its command fails alone, and the
 * state stays as it was. When the turn is over, the batch leaves as it is: a request waits for one decision at most.
 */
export function decideBatch(
  stream: string,
  before: StreamState,
  commands: readonly PendingCommand[],
  context: DecisionContext,
): DecidedBatch {
  const decided: DecidedCommand[] = []
  const events: NewEvent[] = []
  const keys: NewKey[] = []
  const failed: DecidedBatch['failed'][number][] = []
  const unasked: PendingCommand[] = []
  let after: Folded = before
  let size = 0
  let taken = 0
  for (const command of commands) {
    if (size >= BATCH_SIZE_MAX || (taken > 0 && context.turn.isOver)) break
    taken++
    try {
      const step = decideTraced(command, after, context)
      if (isUnasked(command, step)) {
        unasked.push(command)
        continue
      }
      if (step.ids.some(({ key }) => keys.some(other => other.key === key))) {
        // The log knows the id once this batch is appended.
        taken--
        break
      }
      if (step.key) keys.push({ ...step.key, stream })
      keys.push(...step.ids)
      for (const event of step.events) {
        events.push(event)
        size += event.data.length + event.meta.length
      }
      after = step.after
      decided.push(step.decided)
    } catch (error) {
      if (command.keyCheck === 'append') unasked.push(command)
      else failed.push({ command, error })
    }
  }
  return { stream, before, after, decided, events, keys, size, failed, unasked, taken }
}

type DecisionStep = {
  readonly decided: DecidedCommand
  readonly events: readonly NewEvent[]
  readonly key: Omit<NewKey, 'stream'> | null
  /** The keys of the ids that its events were given. */
  readonly ids: readonly NewKey[]
  readonly after: Folded
}

/** Whether a command is refused without a key that tells of it, and the log was not asked for its key: no append asks for it. */
function isUnasked({ keyCheck }: PendingCommand, { decided }: DecisionStep): boolean {
  return keyCheck === 'append' && 'outcome' in decided && /^(later|refused)$/.test(decided.outcome.outcome)
}

function decideTraced(command: PendingCommand, from: Folded, context: DecisionContext): DecisionStep {
  if (!context.trace.isRecording) return decideOne(command, from, context)
  const attributes = { 'emaki.command': `${command.decider.name}.${command.command.command}` }
  return context.trace.step('decide', [command.parent], attributes, () => decideOne(command, from, context))
}

function decideOne(command: PendingCommand, from: Folded, { now, newId }: DecisionContext): DecisionStep {
  const { decider, expect } = command
  // A caller that may not send it learns nothing of the stream, nor whether an expectation holds.
  const verdict = command.authorize ? command.authorize(from.state) : true
  if (verdict !== true) {
    const outcome = { outcome: 'refused', isHidden: verdict === 'hidden' } as const
    return { decided: { command, outcome }, events: [], key: null, ids: [], after: from }
  }
  if (expect !== null && !isExpected(expect, from.version)) {
    const outcome = { outcome: 'conflict', expected: expect, actual: from.version } as const
    return { decided: { command, outcome }, events: [], key: null, ids: [], after: from }
  }
  const meta = JSON.stringify(command.meta)
  let after = from
  let events: readonly Event[] = []
  const written: NewEvent[] = []
  for (const one of commandsOf(command)) {
    const decision = decide(decider, after.state, one, contextOf(command, one, after, now))
    if ('rejection' in decision) return rejectWhole(command, from, decision.rejection)
    for (const event of decision.events) written.push(newEvent(decider.events, event, meta, newId))
    after = evolve(decider, after, decision.events, () => JSON.parse(meta) as StoredFact['meta'])
    events = events.length === 0 ? decision.events : [...events, ...decision.events]
  }
  if (command.noteEvent) for (const { id } of written) command.noteEvent(id)
  const key = command.key && keyOfEvents(command.key, after.version, events.length)
  const ids = keysOfIds([{ stream: command.stream, events, version: after.version }])
  return { decided: { command, version: after.version, events }, events: written, key, ids, after }
}

/** The key by which a decision is known. One without events had no effect, so its key need not outlive what refused it. */
function keyOfEvents(key: NonNullable<PendingCommand['key']>, version: number, count: number): DecisionStep['key'] {
  const keepMs = count === 0 ? (key.keepMs ?? KEY_KEEP_MS) : key.keepMs
  return { ...key, version, count, rejection: null, keepMs }
}

function contextOf(pending: PendingCommand, command: Command, own: Folded, now: number): DecideContext {
  const { actor, initiator, prepared, reads } = pending
  const read = reads ? statesReadBy(pending, command, own.state) : null
  return { instance: command.id, now: new Date(now), actor, initiator, prepared: prepared?.get(command) ?? null, read }
}

/** Refuses a command, with all that were sent with it. */
function rejectWhole(command: PendingCommand, from: Folded, rejection: Rejection): DecisionStep {
  const outcome = outcomeOfRejection(rejection)
  return { decided: { command, outcome }, events: [], key: keyOfRejection(command, from, outcome), ids: [], after: from }
}

/** The key by which a rejection is known. A refusal for now has none, so that the command can be sent again. */
function keyOfRejection({ key }: PendingCommand, { version }: Folded, outcome: Rejected | Later): DecisionStep['key'] {
  if (!key || outcome.outcome === 'later') return null
  const { outcome: _, ...rejection } = outcome
  return { ...key, version, count: 0, rejection: encode(rejection), keepMs: key.keepMs ?? KEY_KEEP_MS }
}

/** Makes an event for the log. Throws a PayloadError if JSON would change its data. */
export function newEvent(family: EventsSpec, { type, data, id }: Event, meta: string, newId: () => string): NewEvent {
  return { id: id ?? newId(), type, schema: family.types.get(type)!.fingerprint, data: encode(data), meta }
}
