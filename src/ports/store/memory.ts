// A store in memory: the shortest description of the promises of every store. Tests run on it.
import { factOf } from '../../definitions/event/read.ts'
import { checkOptions } from '../../definitions/options.ts'
import { categoryOf, isOf } from '../../definitions/event/stream-name.ts'
import { memoryAgenda } from '../agenda/memory.ts'
import { type MemoryTable, memoryReadModel, writeUnitRow } from '../read-model/memory.ts'
import { memoryRefusals } from '../refusals/memory.ts'
import { memoryPromises } from '../promises/memory.ts'
import { memorySamples } from '../samples/memory.ts'
import { compareText } from '../read-model/compare-text.ts'
import type { StoredEvent } from './event.ts'
import { factsMaxOf, type LoadedStream, type LoadRequest, type NewSnapshot, type Snapshot } from './load.ts'
import type { ReadAllOptions, ReadOptions, StreamHead, StreamsOptions } from './log.ts'
import { memoryImports } from './memory-import.ts'
import { endSentKeys, keepSentKeys } from './memory-sent-keys.ts'
import { upToSize } from './page-size.ts'
import type { Store } from './store.ts'
import { type Conflict, type Expectation, isMet, MISSED_BYTES_MAX, type StoredKey, type Unit, type UnitOutcome } from './unit.ts'
import type { LogIdentity } from './upkeep.ts'
import type { Wake } from './watch.ts'

/** Makes a log in memory. It is gone with the process. `now`: its clock, in ms since 1970. Default: the machine's. */
export function memory(options: { readonly now?: () => number } = {}): Store {
  checkOptions('memory', options, { now: 'function?' })
  const now = options.now ?? Date.now
  const log: StoredEvent[] = []
  const streams = new Map<string, StoredEvent[]>()
  const keys = new Map<string, { readonly stored: StoredKey; readonly until: number }>()
  /** By stream and fold. */
  const snapshots = new Map<string, Map<number, Snapshot>>()
  let identity: LogIdentity = { id: Bun.randomUUIDv7(), epoch: 1 }
  const watching = new Set<Wake>()
  const tables = new Map<string, MemoryTable>()
  const agenda = memoryAgenda({ now, renewKeys })
  const readModel = memoryReadModel({ now, agenda, tables })

  let last = 0

  function renewKeys(ids: readonly string[], keepMs: number): void {
    for (const id of ids)
      for (const key of [`agenda:${id}`, `answer:${id}`]) {
        const found = keys.get(key)
        if (found) keys.set(key, { ...found, until: Math.max(found.until, now() + keepMs) })
      }
  }

  const version = (stream: string) => streams.get(stream)?.length ?? 0
  const findKey = (key: string) => {
    const found = keys.get(key)
    return found && found.until > now() ? [found.stored] : []
  }

  function append(unit: Unit): UnitOutcome {
    const duplicates = unit.keys.flatMap(({ key }) => findKey(key))
    if (duplicates.length) return { outcome: 'duplicate', keys: duplicates }
    const conflicts = unit.slices
      .filter(({ stream, expect }) => !isMet(expect, version(stream)))
      .map(({ stream, expect }) => conflict(stream, expect))
    if (conflicts.length) return { outcome: 'conflict', conflicts }
    last = Math.max(last, now())
    const at = new Date(last).toISOString()
    const slices = unit.slices.map(({ stream, events }) => {
      const events_ = streams.get(stream) ?? []
      for (const event of events) {
        const stored = Object.freeze({ ...event, stream, version: events_.length + 1, position: log.length + 1, at })
        events_.push(stored)
        log.push(stored)
      }
      if (events.length) streams.set(stream, events_)
      return { version: events_.length, position: events.length ? log.length : 0 }
    })
    for (const { keepMs, ...key } of unit.keys) {
      const position = key.count ? streams.get(key.stream)![key.version - 1]!.position : 0
      const until = keepMs === null ? Number.POSITIVE_INFINITY : now() + keepMs
      keys.set(key.key, { stored: { ...key, position }, until })
    }
    for (const row of unit.rows ?? []) writeUnitRow(tables, row, streams.get(row.stream)![row.version - 1]!.position)
    return { outcome: 'appended', slices, at }
  }

  function conflict(stream: string, expected: Expectation): Conflict {
    const missed = typeof expected === 'number' ? (streams.get(stream) ?? []).slice(expected) : []
    const small = missed.reduce((sum, event) => sum + event.data.length + event.meta.length, 0) <= MISSED_BYTES_MAX
    return {
      stream,
      expected,
      actual: version(stream),
      missed: typeof expected === 'number' && expected < version(stream) && small ? missed : null,
    }
  }

  function load({ stream, after, snapshot, meta = false }: LoadRequest, limit: number): LoadedStream {
    const saved = snapshot === undefined ? undefined : snapshots.get(stream)?.get(snapshot)
    const found = saved && saved.version > after ? saved : null
    const from = found?.version ?? after
    const events = streams.get(stream) ?? []
    const page = events.slice(from, from + limit)
    return {
      snapshot: found && { ...found },
      facts: page.map(event => factOf(event, meta)),
      version: events.length,
      position: events.at(-1)?.position ?? 0,
      more: page.length === limit && from + page.length < events.length,
      size: page.reduce((sum, { data }) => sum + data.length, 0),
    }
  }

  function read(events: readonly StoredEvent[], { after, limit, sizeMax, until, types, backwards }: ReadOptions) {
    const within = events.slice(after, until)
    const wanted = types ? within.filter(({ type }) => types.includes(type)) : within
    const ordered = backwards ? wanted.toReversed() : wanted
    return upToSize(ordered.slice(0, limit), sizeMax ?? Number.POSITIVE_INFINITY)
  }

  function readAll({ after, limit, until = log.length, filter }: ReadAllOptions): readonly StoredEvent[] {
    if (!filter) return log.slice(after, Math.min(after + limit, until))
    const wanted = ({ stream, type }: StoredEvent) => {
      // As in the other stores, a name without `-` is read with the category of that name. Folds treat it as a stream
      // without a category.
      const types = filter.get(categoryOf(stream) || stream)
      return types === null || types?.includes(type)
    }
    return log.slice(after, until).filter(wanted).slice(0, limit)
  }

  function list({ after, limit, category }: StreamsOptions): readonly StreamHead[] {
    return [...streams.values()]
      .map(events => events.at(-1)!)
      .filter(({ stream }) => compareText(stream, after) > 0 && (category === undefined || isOf(category, stream)))
      .toSorted((one, other) => compareText(one.stream, other.stream))
      .slice(0, limit)
      .map(({ stream, version, position, at }) => ({ stream, version, position, at }))
  }

  const imports = memoryImports({
    now,
    slice: (after, until) => log.slice(after, until),
    head: () => log.length,
    firstOf: stream => streams.get(stream)?.[0]?.position ?? Number.POSITIVE_INFINITY,
    append: ({ stream, line: _, ...event }) => append({ slices: [{ stream, expect: 'any', events: [event] }], keys: [] }),
  })

  return {
    system: 'memory',
    get identity() {
      return identity
    },
    readModel: {
      ...readModel,
      reset: async (name, position) => {
        await readModel.reset(name, position)
        keepSentKeys(keys, name, position, now())
      },
    },
    agenda,
    refusals: memoryRefusals(),
    samples: memorySamples(),
    promises: memoryPromises(),
    open: async () => {},
    append: async units => units.map(append),
    ...imports,
    load: async (requests, keys) => ({
      streams: requests.map(request => load(request, factsMaxOf(requests.length))),
      keys: keys.flatMap(findKey),
    }),
    read: async (stream, options) => read(streams.get(stream) ?? [], options),
    streams: async options => list(options),
    typesAt: async places => places.map(({ stream, version }) => streams.get(stream)?.[version - 1]?.type ?? null),
    readAll: async options => (options.sizeMax === undefined ? readAll(options) : upToSize(readAll(options), options.sizeMax)),
    head: async () => log.length,
    watch: async wake => {
      watching.add(wake)
      return async () => void watching.delete(wake)
    },
    announce: head => {
      for (const wake of watching) wake(head)
    },
    // A log in memory never loses events.
    beginEpoch: async () => {
      identity = { ...identity, epoch: identity.epoch + 1 }
      return { epoch: identity.epoch, keys: 0, snapshots: 0, entries: 0 }
    },
    saveSnapshots: async (all: readonly NewSnapshot[]) => {
      for (const { stream, fold, version, state } of all) {
        const saved = snapshots.get(stream) ?? new Map<number, Snapshot>()
        snapshots.set(stream, saved)
        for (const [other, one] of saved) if (other !== fold && one.version <= version) saved.delete(other)
        if (version > (saved.get(fold)?.version ?? 0)) saved.set(fold, { version, state: JSON.parse(state) as unknown })
      }
    },
    keys: async ({ after, limit }) =>
      [...keys.values()]
        .filter(({ stored, until }) => compareText(stored.key, after) > 0 && until > now())
        .toSorted((one, other) => compareText(one.stored.key, other.stored.key))
        .slice(0, limit)
        .map(({ stored: { position: _, ...key }, until }) => ({ ...key, until: Number.isFinite(until) ? until : null })),
    forgetKeys: async () => {
      await endSentKeys(keys, readModel, now)
      const over = [...keys].filter(([key, { until }]) => until <= now() && !agenda.has(key.slice(key.indexOf(':') + 1)))
      for (const [key] of over) keys.delete(key)
      return over.length
    },
    ping: async () => {},
    close: async () => {},
  }
}
