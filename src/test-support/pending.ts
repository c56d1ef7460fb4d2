// Commands as they wait in a queue, with what they were answered.
import type { Command } from '../definitions/decider/command.ts'
import type { Outcome, Refused } from '../dispatch/outcome.ts'
import type { PendingCommand } from '../dispatch/pending-command.ts'
import { spec } from '../definitions/event/events.ts'
import { account } from './account.ts'

export type RecordedCommand = PendingCommand & { readonly outcomes: (Outcome | Refused | { readonly thrown: unknown })[] }

/** A pending command that records what it is answered. */
export function buildPending(command: Command, given: Partial<PendingCommand> = {}): RecordedCommand {
  const outcomes: RecordedCommand['outcomes'] = []
  return {
    decider: account[spec],
    command,
    more: [],
    stream: `account-${command.id}`,
    arrival: 0,
    expect: null,
    authorize: null,
    key: null,
    keyCheck: 'done',
    actor: null,
    initiator: null,
    meta: { correlation: 'c', causation: 'c' },
    sentAt: 0,
    deadline: Number.POSITIVE_INFINITY,
    signal: null,
    parent: null,
    size: 0,
    prepared: null,
    reads: null,
    read: null,
    attempts: 0,
    answer: outcome => void outcomes.push(outcome),
    fail: thrown => void outcomes.push({ thrown }),
    outcomes,
    ...given,
  }
}

/** A key of a command, of which nothing but its name matters. */
export function buildKey(key: string): NonNullable<PendingCommand['key']> {
  return { key, fingerprint: `of ${key}`, keepMs: 1_000 }
}
