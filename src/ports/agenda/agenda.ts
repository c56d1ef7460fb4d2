// The port to the agenda: commands with a name and a due time. What is due now is outgoing, what is due later is a timer or scheduled;
// all of them are rows of one table, in the database of the log, on its time. Commands cross it as text.

/** What the agenda is to have. An entry of the same id is replaced. */
export type NewEntry = {
  readonly id: string
  /** Who sends it when it is due: a process's subscription, or `commands`. */
  readonly owner: string
  /** The instance of the process that it is of; of one instance's entries to one stream none overtakes another. */
  readonly key: string
  /** The name of a timer; null: it is a command, to be sent. */
  readonly timer: string | null
  /** A command as JSON text without a line feed; null: a timer that has none. */
  readonly command: string | null
  /** What it is sent with, as JSON text without a line feed. */
  readonly meta: string
  /** In ms since 1970; 0: at once. */
  readonly due: number
  /** The position of the event that led to it; 0: there is none. */
  readonly set: number
}

/** An entry as the agenda has it. */
export type AgendaEntry = Omit<NewEntry, 'due'> & {
  /** When it was, or is, due, and when it was added; RFC 3339. */
  readonly due: string
  readonly madeAt: string
  /** What became of it, as JSON text; null: it is pending. Only entries of `commands` are kept once they have ended. */
  readonly outcome: string | null
  readonly endedAt: string | null
  /** Whether it is being sent, or has been. */
  readonly hasBegun: boolean
}

/** What of the agenda changes with a page: no id is in both. */
export type NewAgenda = { readonly add: readonly NewEntry[]; readonly remove: readonly string[] }

/** What is due, the earliest first; when the next one is, and when it was read, in ms since 1970 by the agenda's clock. */
export type DueEntries = { readonly entries: readonly AgendaEntry[]; readonly next: number | null; readonly now: number }
export type Ended = { readonly id: string; readonly outcome: string }

export type AgendaListOptions = {
  readonly owner?: string
  readonly key?: string
  readonly timers?: boolean
  readonly limit: number
}
export type AgendaCount = { readonly owner: string; readonly pending: number; readonly timers: number; readonly due: number }

/** Time is the database's own; memory's is its injected clock. Every call may throw a StoreError. */
export interface Agenda {
  /** Adds an entry unless there is one of its id. Gives the one that is there then. */
  schedule(entry: NewEntry): Promise<AgendaEntry>
  /** What is due of an owner, at most so many. `next` is past where there are more. */
  due(owner: string, limit: number): Promise<DueEntries>
  /** Notes that entries are about to be sent, so that nobody takes them back; gives those that are still there. */
  begin(ids: readonly string[]): Promise<readonly string[]>
  /** Forgets entries that are done. One that has been replaced since, as a timer that sets itself again, stays. */
  done(entries: readonly Pick<AgendaEntry, 'id' | 'set'>[]): Promise<void>
  /** Notes what became of entries, which are kept as long as forgetting takes. */
  end(ended: readonly Ended[]): Promise<void>
  find(id: string): Promise<AgendaEntry | null>
  /** Takes a pending entry back; false: there is none, or it has begun. */
  remove(id: string): Promise<boolean>
  /** Forgets an owner's timers, not its commands. */
  clearTimers(owner: string): Promise<void>
  /** What is pending, by due time: of an owner, of one instance, and only timers, or only commands, where asked so. */
  list(options: AgendaListOptions): Promise<readonly AgendaEntry[]>
  /** How many are pending, by owner; how many of them are timers, and how many are due. */
  count(): Promise<readonly AgendaCount[]>
  /** Keeps the idempotency keys of what is pending for so long from now on, as it may have been sent and not been forgotten. */
  renewKeys(owner: string, keepMs: number): Promise<void>
  /** Forgets entries that ended longer ago than so many ms; gives how many. */
  forget(keepMs: number): Promise<number>
}
