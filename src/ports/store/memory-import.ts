// Imports into a log in memory: the shortest description of what they promise.
import type { StoredEvent } from './event.ts'
import {
  chunkOf,
  type ImportProgress,
  importRecords,
  movedElsewhereError,
  oldStreamError,
  refuseUnfinished,
  type Staging,
  type UnfinishedImport,
} from './import.ts'
import { type NewRecord, refuseDifferences } from './import-record.ts'
import type { Upkeep } from './upkeep.ts'

type MemoryLog = {
  readonly now: () => number
  /** The events after a position, up to another one. */
  readonly slice: (after: number, until: number) => readonly StoredEvent[]
  readonly head: () => number
  /** The position of a stream's first event; infinity if it has none. */
  readonly firstOf: (stream: string) => number
  readonly append: (record: NewRecord) => void
}
type KeptImport = UnfinishedImport & { readonly position: number; readonly began: number }

export function memoryImports(log: MemoryLog): Pick<Upkeep, 'import' | 'imports' | 'endImport'> {
  const kept = new Map<string, KeptImport>()
  const unfinished = () => [...kept.values()].filter(({ moved, total }) => moved < total)
  const progressOf = ({ moved, total, position }: KeptImport, known = 0): ImportProgress => ({ moved, total, position, known })

  function stage(): Staging {
    const staged = new Map<string, NewRecord>()
    const match = (after: number, until: number) => {
      const twins = log.slice(after, until).flatMap(other => {
        const record = staged.get(other.id)
        return record ? [{ record, other }] : []
      })
      for (const { record } of twins) staged.delete(record.id)
      return twins
    }
    return {
      add: async page =>
        page.flatMap(record => {
          const other = staged.get(record.id)
          if (!other) staged.set(record.id, record)
          return other ? [{ record, other }] : []
        }),
      head: async () => log.head(),
      match: async (after, until) => match(after, until),
      begin: async ({ name, source, compared, onlyNew }) => {
        const twins = match(compared, log.head())
        refuseDifferences(twins)
        const before = unfinished().find(one => one.name === name)
        if (staged.size > 0) refuseUnfinished(unfinished(), name)
        const moved = before?.moved ?? 0
        const { began = log.head(), beganAt = new Date(log.now()).toISOString(), position = 0 } = before ?? {}
        const begun = { name, source, moved, total: moved + staged.size, position, began, beganAt }
        const old = onlyNew ? staged.values().find(({ stream }) => log.firstOf(stream) <= began) : undefined
        if (old) throw oldStreamError(old.stream)
        kept.set(name, begun)
        return progressOf(begun, twins.length)
      },
      move: async (name, at) => {
        const before = kept.get(name)
        if (before?.moved !== at.moved) throw movedElsewhereError()
        const chunk = chunkOf(staged.values())
        for (const record of chunk) {
          log.append(record)
          staged.delete(record.id)
        }
        const moved = { ...before, moved: before.moved + chunk.length, position: log.head() }
        kept.set(name, moved)
        return progressOf(moved)
      },
      close: async () => {},
    }
  }

  return {
    import: (records, options) => importRecords(async () => stage(), records, options),
    imports: async () => unfinished().map(({ position: _, began: __, ...one }) => one),
    endImport: async name => unfinished().some(one => one.name === name) && kept.delete(name),
  }
}
