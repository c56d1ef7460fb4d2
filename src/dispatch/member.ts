import type { Command } from '../decider/command.ts'
import type { DeciderSpec } from '../decider/decider.ts'
import type { Event, Meta } from '../event/events.ts'
import { encode } from '../event/payload.ts'
import type { Expectation, NewEvent, StoredKey } from '../store/store.ts'
import type { TraceContext } from '../trace/trace.ts'
import type { Outcome } from './outcome.ts'

/** How long an idempotency key is kept. */
export const KEY_KEEP_MS: number = 24 * 60 * 60 * 1_000

/** A command that waits for its outcome, with what it was sent with. */
export type Member = {
  readonly decider: DeciderSpec
  /** Its data as the command's schema gave it. */
  readonly command: Command
  readonly stream: string
  /** Counts up with each command; a stream read after it needs no second look. */
  readonly arrival: number
  readonly expect: Expectation | null
  readonly key: { readonly key: string; readonly fingerprint: string; readonly keepMs: number | null } | null
  /**
   * When the log is asked whether its key was used before: by the append, which decides it anyhow, or before it is decided, as a precondition
   * that does not hold, and a decision that throws, would be answers without an append.
   */
  keyCheck: 'append' | 'before' | 'done'
  readonly actor: string | null
  readonly meta: Omit<Meta, 'schema'>
  readonly deadline: number
  readonly signal: AbortSignal | null
  readonly parent: TraceContext | null
  readonly size: number
  attempts: number
  readonly answer: (outcome: Outcome) => void
  readonly fail: (error: unknown) => void
}

/** An event ready for the log. Throws a PayloadError where JSON would change its data. */
export function newEvent(decider: DeciderSpec['events'], event: Event, meta: string): NewEvent {
  return {
    id: Bun.randomUUIDv7(),
    type: event.type,
    schema: decider.types.get(event.type)!.fingerprint,
    data: encode(event.data),
    meta,
  }
}

/** The outcome that a stored key stands for; `events` are those it names. */
export function replay(key: StoredKey, events: readonly Event[]): Outcome {
  if (key.rejection !== null) return { outcome: 'rejected', ...(JSON.parse(key.rejection) as { code: string }), replayed: true }
  return { outcome: 'accepted', stream: key.stream, version: key.version, position: key.position, events, replayed: true }
}
