// The port to the agenda: commands with a name and a due time. A command that is due now is outgoing; one that is due
// later is a timer or scheduled. All of them are rows of one table, in the database of the log, on its time. Commands
// cross the port as text.

/** An entry to be added. It replaces an entry of the same id. */
export type NewEntry = {
  readonly id: string
  /** The sender of the entry: the subscription of a process, or `commands`. */
  readonly owner: string
  /** The instance of the process. Its entries to one stream are sent one after the other, in their order. */
  readonly key: string
  /** The name of a timer; null: the entry is a command. */
  readonly timer: string | null
  /** The command as JSON text without a line feed; null: a timer without a command. */
  readonly command: string | null
  /** The metadata of the command, as JSON text without a line feed. */
  readonly meta: string
  /** The due time, in whole ms since 1970, up to the end of the year 9999; 0: at once. */
  readonly due: number
  /** The position of the event that set the entry; 0: no event did. */
  readonly set: number
}

/** An entry in the agenda. */
export type AgendaEntry = Omit<NewEntry, 'due'> & {
  /** When the entry is due; RFC 3339. */
  readonly due: string
  readonly madeAt: string
  /**
   * The outcome of the entry, as JSON text; null: it is pending. Only entries of `commands` stay after they have ended.
   */
  readonly outcome: string | null
  readonly endedAt: string | null
  /** Whether sending has begun. */
  readonly hasBegun: boolean
}

/** The changes that a page makes to the agenda. No id is in both lists. */
export type NewAgenda = { readonly add: readonly NewEntry[]; readonly remove: readonly string[] }

/**
 * The entries that are due, the earliest first. `next`: when the next entry is due. `now`: the time of the read. Both
 * in ms since 1970, by the agenda's clock.
 */
export type DueEntries = { readonly entries: readonly AgendaEntry[]; readonly next: number | null; readonly now: number }
export type Ended = { readonly id: string; readonly outcome: string }

export type AgendaListOptions = {
  readonly owner?: string
  readonly key?: string
  readonly timers?: boolean
  readonly limit: number
}
export type AgendaCount = { readonly owner: string; readonly pending: number; readonly timers: number; readonly due: number }

/** Time is that of the database; the memory agenda has an injected clock. Every call may throw a StoreError. */
export interface Agenda {
  /**
   * Adds an entry, unless there is one of its id. Gives the entry that is in the agenda then. Throws PageRefused for an
   * entry that some store cannot keep.
   */
  schedule(entry: NewEntry): Promise<AgendaEntry>
  /** Gives the due entries of an owner, at most `limit`. If there are more, `next` is in the past. */
  due(owner: string, limit: number): Promise<DueEntries>
  /** Marks entries as begun, so that nobody can remove them. Gives the ids of the entries that still exist. */
  begin(ids: readonly string[]): Promise<readonly string[]>
  /** Deletes entries that are done. An entry that was replaced since, such as a timer that set itself again, stays. */
  done(entries: readonly Pick<AgendaEntry, 'id' | 'set'>[]): Promise<void>
  /** Stores the outcomes of entries. They stay until `forget` deletes them. */
  end(ended: readonly Ended[]): Promise<void>
  find(id: string): Promise<AgendaEntry | null>
  /** Removes a pending entry. False: there is none, or it has begun. */
  remove(id: string): Promise<boolean>
  /** Lists pending entries by due time. The options select an owner, an instance, and only timers or only commands. */
  list(options: AgendaListOptions): Promise<readonly AgendaEntry[]>
  /** Counts pending entries by owner, and how many of them are timers and how many are due. */
  count(): Promise<readonly AgendaCount[]>
  /**
   * Keeps the idempotency keys of an owner's pending entries for `keepMs` from now on. An entry may have been sent and
   * not been deleted yet.
   */
  renewKeys(owner: string, keepMs: number): Promise<void>
  /** Deletes entries that ended more than `keepMs` ago. Gives their number. */
  forget(keepMs: number): Promise<number>
}
