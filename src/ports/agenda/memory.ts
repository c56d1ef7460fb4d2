// An agenda in memory: the shortest description of the promises of every agenda.
import type { Agenda, AgendaEntry, NewAgenda, NewEntry } from './agenda.ts'
import { checkEntry } from './check.ts'
import { compareText } from '../read-model/compare-text.ts'

type KeptEntry = { readonly entry: AgendaEntry; readonly dueMs: number; readonly seq: number; readonly endedMs: number | null }
export type MemoryAgendaOptions = {
  /** In ms since 1970. */
  readonly now: () => number
  /** Keeps the idempotency keys of entries for `keepMs` from now on. */
  readonly renewKeys: (ids: readonly string[], keepMs: number) => void
}
export type MemoryAgenda = Agenda & {
  readonly change: (changes: NewAgenda) => void
  readonly has: (id: string) => boolean
}

export function memoryAgenda({ now, renewKeys }: MemoryAgendaOptions): MemoryAgenda {
  const kept = new Map<string, KeptEntry>()
  let seq = 0

  function add({ due, ...entry }: NewEntry): AgendaEntry {
    const dueMs = due || now()
    const added = { ...entry, due: iso(dueMs), madeAt: iso(now()), outcome: null, endedAt: null, hasBegun: false }
    kept.set(entry.id, { entry: added, dueMs, seq: seq++, endedMs: null })
    return added
  }

  const pending = (owner?: string) =>
    [...kept.values()]
      .filter(({ entry, endedMs }) => endedMs === null && (owner === undefined || entry.owner === owner))
      .toSorted((one, other) => one.dueMs - other.dueMs || one.seq - other.seq)

  return {
    has: id => kept.has(id),
    change: ({ add: added, remove }) => {
      for (const id of remove) kept.delete(id)
      for (const entry of added) add(entry)
    },
    schedule: async entry => {
      checkEntry(entry)
      return kept.get(entry.id)?.entry ?? add(entry)
    },
    due: async (owner, limit) => {
      const [all, at] = [pending(owner), now()]
      const due = all.filter(({ dueMs }) => dueMs <= at)
      const taken = due.slice(0, limit)
      return { entries: taken.map(({ entry }) => entry), next: all[taken.length]?.dueMs ?? null, now: at }
    },
    begin: async ids => {
      const begun = ids.filter(id => kept.get(id)?.endedMs === null)
      for (const id of begun) kept.set(id, { ...kept.get(id)!, entry: { ...kept.get(id)!.entry, hasBegun: true } })
      return begun
    },
    done: async entries => {
      for (const { id, set } of entries) if (kept.get(id)?.entry.set === set) kept.delete(id)
    },
    end: async ended => {
      for (const { id, outcome } of ended) {
        const found = kept.get(id)
        if (found) kept.set(id, { ...found, entry: { ...found.entry, outcome, endedAt: iso(now()) }, endedMs: now() })
      }
    },
    find: async id => kept.get(id)?.entry ?? null,
    remove: async id => kept.get(id)?.entry.hasBegun === false && kept.get(id)?.endedMs === null && kept.delete(id),
    list: async ({ owner, key, timers, limit }) =>
      pending(owner)
        .map(({ entry }) => entry)
        .filter(entry => key === undefined || entry.key === key)
        .filter(({ timer }) => timers === undefined || timers === (timer !== null))
        .slice(0, limit),
    count: async () =>
      [...Map.groupBy(pending(), ({ entry }) => entry.owner)]
        .map(([owner, all]) => ({
          owner,
          pending: all.length,
          timers: all.filter(({ entry }) => entry.timer !== null).length,
          due: all.filter(({ dueMs }) => dueMs <= now()).length,
        }))
        .toSorted((one, other) => compareText(one.owner, other.owner)),
    renewKeys: async (owner, keepMs) =>
      renewKeys(
        pending(owner).flatMap(({ entry: { id, timer } }) => (timer === null ? [id] : [])),
        keepMs,
      ),
    forget: async keepMs => {
      const over = [...kept].filter(([, { endedMs }]) => endedMs !== null && endedMs + keepMs <= now())
      for (const [id] of over) kept.delete(id)
      return over.length
    },
  }
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
