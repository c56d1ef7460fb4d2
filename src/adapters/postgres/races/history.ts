// What was tried and what was seen, and what has to be true of it. Knows the port to a log, and nothing of how a store keeps its
// promises. Every event that a race appends carries a token, by which it is known again.
import type { StoredEvent } from '../../../ports/store/event.ts'
import type { Expectation, SliceResult } from '../../../ports/store/unit.ts'

export type Slice = {
  readonly stream: string
  /** What had to be true of the stream; null where a decider was asked, which names none. */
  readonly expect: Expectation | null
  /** `data` is its exact text; null where only an answer could have told it. */
  readonly events: readonly { readonly token: string; readonly data: string | null }[]
}

/** One append, or one command, from its call to its answer. */
export type Attempt = {
  /** The process that made it: `from` and `until` are times, in ms, of its clock. */
  readonly who: string
  readonly no: number
  readonly from: number
  readonly until: number
  readonly slices: readonly Slice[]
  readonly key: string | null
  /** `open`: its process ended before the answer. `refused`: the store says that it will never take it. */
  readonly outcome: 'appended' | 'duplicate' | 'conflict' | 'rejected' | 'unavailable' | 'unknown' | 'refused' | 'open'
  readonly committed: readonly SliceResult[]
  readonly conflicts: readonly ConflictSeen[]
  /** The token of the event for which a command was rejected. */
  readonly because: string | null
  /** Whether something in the same call is for the store to refuse. */
  readonly spoiled: boolean
  /** How often a command was decided. */
  readonly decided?: number
}
export type ConflictSeen = {
  readonly stream: string
  readonly expected: Expectation
  readonly actual: number
  readonly missed: readonly string[] | null
}

/** What a reader at the head was given, in the order in which it was. */
export type Reading = { readonly who: string; readonly seen: readonly Pick<StoredEvent, 'position' | 'id'>[] }

export type History = {
  readonly attempts: readonly Attempt[]
  /** The whole log, read when nobody wrote any more. */
  readonly log: readonly StoredEvent[]
  readonly readings: readonly Reading[]
}

/** Each way in which a history breaks a promise, as a sentence; none where all were kept. */
export function violations({ attempts, log, readings }: History): readonly string[] {
  const found = new Map(log.map(event => [tokenOf(event), event]))
  const streams = Map.groupBy(log, ({ stream }) => stream)
  return [
    ...ofLog(log),
    ...ofStrangers(attempts, found),
    ...attempts.flatMap(attempt => ofAttempt(attempt, found)),
    ...attempts.flatMap(attempt => ofConflicts(attempt, streams)),
    ...ofKeys(attempts, found),
    ...[...Map.groupBy(attempts, ({ who }) => who).values()].flatMap(own => ofTime(own, found)),
    ...readings.flatMap(reading => ofReading(reading, log)),
  ]
}

type Found = ReadonlyMap<string, StoredEvent>

function tokenOf({ data }: StoredEvent): string {
  return (JSON.parse(data) as { token: string }).token
}

/** Positions rise, versions are 1..n in each stream, times do not fall, and nothing is there twice. */
function ofLog(log: readonly StoredEvent[]): readonly string[] {
  const versions = new Map<string, number>()
  const once = new Set<string>()
  return log.flatMap((event, i) => {
    const before = log[i - 1]
    const expected = (versions.get(event.stream) ?? 0) + 1
    const twice = [event.id, tokenOf(event)].filter(name => once.has(name))
    versions.set(event.stream, event.version)
    once.add(event.id).add(tokenOf(event))
    return [
      ...(before && event.position <= before.position ? [`the log has position ${event.position} after ${before.position}`] : []),
      ...(event.version === expected ? [] : [`${nameOf(event)} stands where version ${expected} belongs`]),
      ...(before && event.at < before.at ? [`${nameOf(event)} is of ${event.at}, the one before it of ${before.at}`] : []),
      ...twice.map(name => `the log has ${name} twice`),
    ]
  })
}

/** Nothing is in the log that nobody wanted there. */
function ofStrangers(attempts: readonly Attempt[], found: Found): readonly string[] {
  const meant = new Set(attempts.flatMap(({ slices }) => slices.flatMap(({ events }) => events.map(({ token }) => token))))
  return [...found].flatMap(([token, event]) => (meant.has(token) ? [] : [`nobody appended ${nameOf(event)}`]))
}

/** What was acknowledged is there as it was said, what was refused is not, and what is in doubt is whole or not at all. */
function ofAttempt(attempt: Attempt, found: Found): readonly string[] {
  const { outcome, slices, because, spoiled } = attempt
  const tokens = slices.flatMap(({ events }) => events.map(({ token }) => token))
  const there = tokens.filter(token => found.has(token)).length
  if (because !== null && !found.has(because)) return [`${titleOf(attempt)} was rejected for ${because}, which never happened`]
  if (outcome === 'refused' && !spoiled) return [`${titleOf(attempt)} was refused, and nothing is wrong with it`]
  if (outcome === 'appended' && there < tokens.length)
    return [`${titleOf(attempt)} was acknowledged, and ${tokens.length - there} of its ${tokens.length} events are not there`]
  if (there > 0 && there < tokens.length)
    return [`${titleOf(attempt)} was ${outcome}, and is there by half: ${there} of ${tokens.length}`]
  if (there > 0 && NOT_APPENDED.has(outcome)) return [`${titleOf(attempt)} was ${outcome}, and is there`]
  return there > 0 ? slices.flatMap((slice, i) => ofSlice(attempt, slice, attempt.committed[i], found)) : []
}
const NOT_APPENDED: ReadonlySet<Attempt['outcome']> = new Set(['conflict', 'rejected', 'unavailable', 'refused'])

/** A slice is in its stream, byte for byte, behind what it expected, without anything in between, where it was said to be. */
function ofSlice(
  attempt: Attempt,
  { stream, expect, events }: Slice,
  committed: SliceResult | undefined,
  found: Found,
): readonly string[] {
  const stored = events.map(({ token }) => found.get(token)!)
  const first = stored[0]
  const last = stored.at(-1)
  if (!first || !last) return []
  const title = `${titleOf(attempt)}: ${nameOf(first)}`
  return [
    ...(stored.every(event => event.stream === stream) ? [] : [`${title} is not all in ${stream}`]),
    ...(stored.every(({ data }, i) => (events[i]!.data ?? data) === data) ? [] : [`${title} has other bytes than were said`]),
    ...(stored.every(({ version, position }, i) => version === first.version + i && position >= first.position + i)
      ? []
      : [`${title} has others between its events`]),
    ...(typeof expect === 'number' && first.version !== expect + 1 ? [`${title} expected version ${expect}`] : []),
    ...(expect === 'exists' && first.version === 1 ? [`${title} expected that the stream exists`] : []),
    ...(committed && (committed.version !== last.version || committed.position !== last.position)
      ? [`${title} was said to end at ${committed.version} (${committed.position})`]
      : []),
  ]
}

/** A conflict is one: the version found is another than the expected, the stream has had it, and what was missed is in the log. */
function ofConflicts(attempt: Attempt, streams: ReadonlyMap<string, readonly StoredEvent[]>): readonly string[] {
  return attempt.conflicts.flatMap(({ stream, expected, actual, missed }) => {
    const title = `${titleOf(attempt)}: the conflict on ${stream}, ${actual} where ${expected} was expected`
    const events = streams.get(stream) ?? []
    const behind = typeof expected === 'number' ? events.slice(expected, actual).map(({ id }) => id) : []
    return [
      ...(expected === 'any' || expected === actual || (expected === 'exists' && actual > 0) ? [`${title}, is none`] : []),
      ...(actual > events.length ? [`${title}, is with events that are not there`] : []),
      ...(missed && String(missed) !== String(behind) ? [`${title}, brings other events than were missed`] : []),
    ]
  })
}

/** Of all that was said with one key, one is there; at least one where somebody was told so. */
function ofKeys(attempts: readonly Attempt[], found: Found): readonly string[] {
  const keyed = Map.groupBy(
    attempts.filter(({ key }) => key !== null),
    ({ key }) => key,
  )
  return [...keyed].flatMap(([key, same]) => {
    const effects = new Set(same.map(({ slices }) => slices[0]!.events[0]!.token).filter(token => found.has(token)))
    const said = same.some(({ outcome }) => outcome === 'appended' || outcome === 'duplicate')
    if (effects.size > 1) return [`the key ${key} had ${effects.size} effects: ${[...effects].join(', ')}`]
    return said && effects.size === 0 ? [`the key ${key} was a duplicate, and what it stands for is not there`] : []
  })
}

/** What was begun after another was acknowledged lies behind it. All of one process, by its clock. */
function ofTime(attempts: readonly Attempt[], found: Found): readonly string[] {
  const appended = attempts.filter(
    ({ outcome, committed }) => outcome === 'appended' && committed.some(({ position }) => position > 0),
  )
  const ended = appended.toSorted((a, b) => a.until - b.until)
  let next = 0
  let last = 0
  return appended
    .toSorted((a, b) => a.from - b.from)
    .flatMap(attempt => {
      for (; next < ended.length && ended[next]!.until < attempt.from; next++)
        last = Math.max(last, ...ended[next]!.committed.map(({ position }) => position))
      const first = found.get(attempt.slices.find(({ events }) => events.length)!.events[0]!.token)
      return first && first.position <= last
        ? [`${titleOf(attempt)} was begun after position ${last} was acknowledged, and is at ${first.position}`]
        : []
    })
}

/** A reader has seen the log: everything once, in order, nothing at or below a position that it had passed. */
function ofReading({ who, seen }: Reading, log: readonly StoredEvent[]): readonly string[] {
  const at = log.findIndex(({ id, position }, i) => seen[i]?.id !== id || seen[i].position !== position)
  if (at < 0) return seen.length > log.length ? [`${who} saw ${seen.length - log.length} events that are not in the log`] : []
  const known = new Set(seen.map(({ id }) => id))
  const missed = log.filter(({ id }) => !known.has(id)).length
  const sight = `saw ${seen[at] ? `${seen[at].id} (${seen[at].position})` : 'nothing'} where the log has ${nameOf(log[at]!)}`
  return [`${who} ${sight}; it lost ${missed}, and saw ${seen.length - known.size} twice, of ${log.length}`]
}

function titleOf({ who, no, key }: Attempt): string {
  return `${who} #${no}${key === null ? '' : ` with the key ${key}`}`
}

function nameOf(event: StoredEvent): string {
  return `${tokenOf(event)}, ${event.stream}@${event.version} (${event.position}),`
}
