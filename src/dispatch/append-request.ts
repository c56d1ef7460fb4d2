// An append without a decision: slices of events, all or none.
import { checkEvent, type Event, type EventsSpec, type Meta } from '../definitions/event/events.ts'
import { categoryOf, streamProblem } from '../definitions/event/stream-name.ts'
import type { Expectation, SliceResult, NewKey, Slice, StoredKey } from '../ports/store/unit.ts'
import type { TraceContext } from '../ports/trace/trace.ts'
import type { AppendResult, PendingAppend } from './append-batch.ts'
import type { Appendable, Appended } from './appender.ts'
import { newEvent } from './decide-batch.ts'
import { keysOfIds, rejectId } from './event-ids.ts'
import { isTransient, outcomeOfError, type Rejected, type Unavailable, UNAVAILABLE, type Unknown } from './outcome.ts'
import { isLate } from './pending-command.ts'
import { KEY_KEEP_MS } from './pending-command.ts'

/** Events for one stream, and the version that it is expected to have: a number (0: it is new), `exists` or `any`. */
export type AppendSlice = { readonly stream: string; readonly expect: Expectation; readonly events: readonly Event[] }

/** The outcome of an append: appended, refused by an expectation or a key, or not done for now. */
export type AppendOutcome =
  | { readonly outcome: 'appended'; readonly slices: readonly (SliceResult & { readonly stream: string })[] }
  | {
      readonly outcome: 'conflict'
      readonly conflicts: readonly { readonly stream: string; readonly expected: Expectation; readonly actual: number }[]
    }
  /** The key was used before, or these events have these ids in the log: the events were appended then. */
  | { readonly outcome: 'duplicate' }
  /** Another append gave one of these ids to an event. */
  | Rejected
  | Unavailable
  | Unknown

export type AppendRequest = {
  readonly slices: readonly AppendSlice[]
  /** Whether the framework appends to a stream of its own, whose name was checked when its key was made. */
  readonly isOwn: boolean
  /** Gives the family of a category. Throws if there is none. */
  readonly familyOf: (category: string) => EventsSpec
  /** The time until which it is sent, on the clock of performance.now. */
  readonly deadline: number
  readonly signal: AbortSignal | null
  readonly parent: TraceContext | null
  readonly meta: Omit<Meta, 'schema'>
  /** Called with the id of each event. */
  readonly noteEvent?: ((eventId: string) => void) | undefined
  readonly key: string | null
}

/**
 * Converts a request for the appender. Throws a TypeError if it is no append, and a PayloadError if JSON would change
 * its data.
 */
export function appendableOf({ slices, isOwn, familyOf, key, ...request }: AppendRequest): Appendable<PendingAppend> {
  const streams = slices.map(({ stream }) => stream)
  if (new Set(streams).size !== slices.length || !slices.length) throw new TypeError('an append names each of its streams once')
  for (const slice of slices) checkSlice(familyOf, slice, isOwn)
  const meta = JSON.stringify(request.meta)
  const newId = () => Bun.randomUUIDv7()
  const checked = slices.map(slice => ({
    ...slice,
    events: slice.events.map(event => checkEvent(familyOf(event.category), event)),
  }))
  const written = checked.map(({ stream, expect, events }): Slice => {
    return { stream, expect, events: events.map(event => newEvent(familyOf(event.category), event, meta, newId)) }
  })
  if (request.noteEvent) for (const { id } of written.flatMap(({ events }) => events)) request.noteEvent(id)
  const given = checked.map(({ stream, expect, events }) => ({ stream, events, version: versionAfter(expect, events.length) }))
  const keys = [...(key === null ? [] : [keyOf(key, streams[0]!)]), ...keysOfIds(given)]
  const append: PendingAppend = {
    unit: { slices: written, keys },
    size: written.reduce((sum, { events }) => events.reduce((sum, { data, meta }) => sum + data.length + meta.length, sum), 0),
    isResendable: keys.length > 0 || slices.every(({ expect }) => typeof expect === 'number'),
    until: request.deadline,
    parents: [request.parent],
  }
  return { streams, isExclusive: false, takeAppend: () => append, isLate: now => isLate(request, now) }
}

/** The outcome of an append request. Throws the store's error if it is for good. */
export function appendOutcomeOf(appended: Appended<PendingAppend> | null): AppendOutcome {
  if (!appended) return UNAVAILABLE
  const { append, result } = appended
  switch (result.outcome) {
    case 'appended':
      return { outcome: 'appended', slices: namedSlices(append, result.slices) }
    case 'conflict': {
      const conflicts = result.conflicts.map(({ stream, expected, actual }) => ({ stream, expected, actual }))
      return { outcome: 'conflict', conflicts }
    }
    case 'duplicate':
      return duplicateOutcome(append, result.keys)
    default:
      return outcomeOfFailure(result)
  }
}

function namedSlices(
  { unit }: PendingAppend,
  slices: readonly SliceResult[],
): readonly (SliceResult & { readonly stream: string })[] {
  return slices.map((slice, i) => ({ ...slice, stream: unit.slices[i]!.stream }))
}

/** Tells whether the same was appended before, or something else with one of its ids. */
function duplicateOutcome({ unit }: PendingAppend, stored: readonly StoredKey[]): AppendOutcome {
  const fingerprints = new Map(unit.keys.map(({ key, fingerprint }) => [key, fingerprint]))
  const other = stored.find(({ key, fingerprint }) => fingerprints.get(key) !== fingerprint)
  return other ? rejectId(other) : { outcome: 'duplicate' }
}

function versionAfter(expect: Expectation, count: number): number | null {
  return typeof expect === 'number' ? expect + count : null
}

function outcomeOfFailure({ error }: Extract<AppendResult, { readonly error: unknown }>): AppendOutcome {
  if (isTransient(error)) return outcomeOfError(error)
  throw error
}

/** The key of a request. It names no events, because their versions are known only afterwards. */
function keyOf(key: string, stream: string): NewKey {
  return { key, fingerprint: '', stream, version: 0, count: 0, rejection: null, keepMs: KEY_KEEP_MS }
}

function checkSlice(familyOf: (category: string) => EventsSpec, { stream, expect, events }: AppendSlice, isOwn: boolean): void {
  if (expect !== 'any' && expect !== 'exists' && !(Number.isSafeInteger(expect) && expect >= 0))
    throw new TypeError(`${stream} expects ${expect}: expected a version, exists or any`)
  const wrong = isOwn ? null : streamProblem(stream)
  if (wrong) throw new TypeError(`the stream ${JSON.stringify(stream)} cannot be: ${wrong}`)
  const family = familyOf(categoryOf(stream))
  const stranger = events.find(({ category, type }) => category !== family.name || !family.types.has(type))
  if (stranger) throw new TypeError(`${stranger.category}.${stranger.type} does not belong to ${stream}`)
}
