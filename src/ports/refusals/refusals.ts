// The port to refusals: who was refused which command, and why. They are kept for a while beside the log, and are no
// part of it.

/** A command that was refused. It has no data of the command. */
export type RefusalRecord = {
  /** When it was refused; RFC 3339. */
  readonly at: string
  /** `decide`: the decision gave a rejection. `rule`: a rule of `authorize` refused the caller. */
  readonly by: 'decide' | 'rule'
  /** `order.place` */
  readonly command: string
  readonly stream: string
  /** Null: the caller is not known. */
  readonly actor: string | null
  /** The code of the rejection. Of a rule: `forbidden`, or `hidden` if the caller got a 404. */
  readonly code: string
  /** The title of the rejection, if its decider has one for the code. */
  readonly text: string | null
  readonly correlation: string
  readonly traceId: string | null
  /** How many more of this command and code came within the same second. They are only counted. */
  readonly more: number
}

/** `at`: in ms since 1970. */
export type NewRefusal = Omit<RefusalRecord, 'at'> & { readonly at: number }

/** What to list. `since`: in ms since 1970. */
export type RefusalFilter = {
  readonly command?: string | undefined
  readonly code?: string | undefined
  readonly actor?: string | undefined
  readonly since: number
  readonly limit: number
}

/** How many stay: those after a time, the newest `ofKind` of each command and code, and the newest `all`. */
export type RefusalBounds = { readonly after: number; readonly ofKind: number; readonly all: number }

/** No path of a command waits for these. Every call may throw a StoreError. */
export interface Refusals {
  /** Adds refusals in their order, all or none. */
  add(refusals: readonly NewRefusal[]): Promise<void>
  /** Lists refusals at or after a time, those that were added last first. */
  list(filter: RefusalFilter): Promise<readonly RefusalRecord[]>
  /** Deletes what is beyond the bounds. Gives the number. */
  forget(bounds: RefusalBounds): Promise<number>
}
