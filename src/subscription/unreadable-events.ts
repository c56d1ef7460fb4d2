// Events of the log that this release cannot read. They are looked for in samples, before anything is served.
import type { Definitions } from '../definitions/definition.ts'
import type { EventsSpec } from '../definitions/event/events.ts'
import { hashParts, readingPart } from '../definitions/event/fingerprints.ts'
import { UnreadableEvent } from '../definitions/event/read.ts'
import { readRecorded } from '../definitions/event/recorded.ts'
import { Notice, type Report } from '../ports/report/notice.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { StoredEvent } from '../ports/store/event.ts'
import type { Filter } from '../ports/store/log.ts'
import type { Store } from '../ports/store/store.ts'

/** A type and a schema that this release cannot read, with the first event of the samples. `schema` is a fingerprint. */
export type UnreadableType = Pick<StoredEvent, 'stream' | 'version' | 'position' | 'type' | 'schema'> & {
  readonly category: string
  /** The path in the payload, and what is wrong there. */
  readonly reason: string
}

/** A family, and whether each type of its category has to be known: a decider folds all of them. */
export type ReadFamily = { readonly family: EventsSpec; readonly isWhole: boolean }

/** The log is read in so many segments, and so many events of a type are read at a place. */
const SEGMENTS = 8
const SAMPLE_EVENTS = 4
/** How many events of one type and schema are tried. */
const TRIES_MAX = 8
/** The name under which the readers are noted that could read all samples, and how many of them. */
const TRIED = 'readers of events'
const TRIED_MAX = 256

export type ReadingCheck = {
  readonly store: Store
  readonly report: Report
  /** What happens where some events cannot be read. */
  readonly unreadableEvents: 'refuse' | 'serve'
}

/**
 * Tries to read samples of the log, unless the same schemas and upcasts were tried before. A release that was tried
 * starts again, whatever a newer one has appended meanwhile. Rejects if some events cannot be read. With
 * `serve` it reports them instead.
 */
export async function checkReading({ store, report, unreadableEvents }: ReadingCheck, definitions: Definitions): Promise<void> {
  const families = new Map(familiesRead(definitions).map(read => [readerOf(read), read]))
  const tried = await store.readModel.fingerprints(TRIED)
  const untried = [...families.keys()].filter(reader => !tried.includes(reader))
  if (!untried.length) return
  const found = await findUnreadable(
    store,
    untried.map(reader => families.get(reader)!),
  )
  if (!found.length) return store.readModel.setFingerprints(TRIED, [...tried, ...untried].slice(-TRIED_MAX))
  if (unreadableEvents === 'serve') return report(unreadableNotice(found))
  throw new StoreError('refused', `${sentenceOf(found)} ${MEND} SERVE_UNREADABLE_EVENTS=true serves without these events.`)
}

/** Has each reader try the log again at its next start, because events were imported. */
export function forgetTriedReaders({ readModel }: Pick<Store, 'readModel'>): Promise<void> {
  return readModel.setFingerprints(TRIED, [])
}

export const MEND = 'Upcast each of these types from its old schema, or list a removed type in `was`.'

/** The families that definitions read. */
export function familiesRead(definitions: Definitions): readonly ReadFamily[] {
  const whole = new Set([...definitions.decider.values()].map(({ events }) => events))
  const folding = [
    ...definitions.projection.values(),
    ...definitions['sql-projection'].values(),
    ...definitions.processor.values(),
    ...definitions.process.values(),
  ]
  const all = new Set([...whole, ...folding.flatMap(({ families }) => [...families.values()])])
  return [...all].map(family => ({ family, isWhole: whole.has(family) }))
}

/** Finds the types and schemas of the samples that cannot be read. */
export async function findUnreadable(store: Store, families: readonly ReadFamily[]): Promise<readonly UnreadableType[]> {
  const head = await store.head()
  if (head === 0) return []
  const found: UnreadableType[] = []
  for (const { family, isWhole } of families) {
    const { name, types, was } = family
    const filters = [...types.keys(), ...was.keys()].map((type): Filter => new Map([[name, [type]]]))
    const wanted = isWhole ? [...filters, new Map([[name, null]])] : filters
    const unreadable = await Promise.all(wanted.map(filter => findInSamples(store, head, filter, family)))
    found.push(...new Map(unreadable.flat().map(one => [`${one.type} ${one.schema}`, one])).values())
  }
  return found
}

async function findInSamples(store: Store, head: number, filter: Filter, family: EventsSpec): Promise<readonly UnreadableType[]> {
  const tries = new Map<string, number>()
  const found = new Map<string, UnreadableType>()
  for await (const stored of sampleEvents(store, head, filter)) {
    const kind = `${stored.type} ${stored.schema}`
    const times = tries.get(kind) ?? 0
    tries.set(kind, times + 1)
    if (times >= TRIES_MAX || found.has(kind)) continue
    const reason = whyUnreadable(family, stored)
    if (reason === null) continue
    const { stream, version, position, type, schema } = stored
    found.set(kind, { category: family.name, type, schema, stream, version, position, reason })
  }
  return [...found.values()]
}

/** Gives the first events of each segment of the log, and the newest. A scan reads no part of the log twice. */
async function* sampleEvents(store: Store, head: number, filter: Filter): AsyncGenerator<StoredEvent> {
  const read = (after: number, until: number) => store.readAll({ after, until, limit: SAMPLE_EVENTS, filter })
  const bound = (segment: number) => Math.floor((head * segment) / SEGMENTS)
  let last = { after: 0, until: 0 }
  for (let segment = 0; segment < SEGMENTS; segment++) {
    const page = await read(bound(segment), bound(segment + 1))
    yield* page
    if (page.length) last = { after: page.at(-1)!.position, until: bound(segment + 1) }
  }
  // The newest are in the last segment that has some: each half is either empty, or the newest are in it.
  for (let { after, until } = last; after < until; ) {
    const middle = Math.floor((after + until) / 2)
    const page = await read(middle, until)
    yield* page
    if (page.length) after = page.length < SAMPLE_EVENTS ? until : page.at(-1)!.position
    else until = middle
  }
}

/** Why an event cannot be read. Null: it can. */
function whyUnreadable(family: EventsSpec, stored: StoredEvent): string | null {
  try {
    readRecorded(family, stored)
    return null
  } catch (error) {
    if (error instanceof UnreadableEvent) return error.reason
    throw error
  }
}

function readerOf({ family, isWhole }: ReadFamily): string {
  return `${family.name} ${hashParts([readingPart(family), isWhole ? 'whole' : 'part'])}`
}

/** The types that cannot be read, each with an example, as a sentence. */
export function sentenceOf(found: readonly UnreadableType[]): string {
  return `The log holds events that this release cannot read: ${found.map(exampleOf).join('; ')}.`
}

/** A type that cannot be read, with its example. */
export function exampleOf({ category, type, schema, stream, version, position, reason }: UnreadableType): string {
  return `${category}.${type} of schema ${schema}, such as at position ${position} (${stream}, version ${version}): ${reason}`
}

function unreadableNotice(found: readonly UnreadableType[]): Notice {
  const message = `${sentenceOf(found)} It serves without them, as SERVE_UNREADABLE_EVENTS says. ${MEND}`
  const fields = { types: found.map(({ category, type }) => `${category}.${type}`).join(', '), position: found[0]!.position }
  return new Notice({ level: 'warn', code: 'events-unreadable', message, fields })
}
