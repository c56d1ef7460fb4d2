// The consequences of an append: the answers, the commands that go again, and the new knowledge of the stream. Pure.
import { fold } from '../definitions/decider/fold.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { factOf } from '../definitions/event/read.ts'
import type { Conflict, SliceResult, StoredKey } from '../ports/store/unit.ts'
import type { AppendResult } from './append-batch.ts'
import type { DecidedBatch, DecidedCommand } from './decide-batch.ts'
import { keysOfIds, rejectId } from './event-ids.ts'
import { type Outcome, type Refused, UNAVAILABLE } from './outcome.ts'
import type { PendingCommand } from './pending-command.ts'
import { BATCH_COMMANDS_MAX, strainAfterLoss, contestAfterWin, type StreamQueue } from './stream-queue.ts'
import { boundSize, type StreamState } from './stream-state.ts'

export type Settlement = {
  readonly answers: readonly { readonly command: PendingCommand; readonly outcome: Outcome | Refused }[]
  /** Commands whose key was used before. They get its stored outcome. */
  readonly duplicates: readonly { readonly command: PendingCommand; readonly stored: StoredKey }[]
  readonly failures: readonly { readonly command: PendingCommand; readonly error: unknown }[]
  /** Commands to decide again, first in line. */
  readonly retries: readonly PendingCommand[]
  /** Whether the batch lost its stream to another process. */
  readonly isLost: boolean
  /** Whether the stream was new, if that was assumed for this command. Null: it was not assumed, or nobody knows. */
  readonly newness: { readonly command: PendingCommand; readonly isNew: boolean } | null
  /** A state to save as a snapshot. */
  readonly snapshot: StreamState | null
  /** The knowledge of the stream from now on. */
  readonly queue: Pick<StreamQueue, 'state' | 'isAssumedNew' | 'losses' | 'isBehind' | 'strain' | 'wins' | 'batchMax'>
}

/** How often a command is decided again after it lost its stream to another process. */
export const ATTEMPTS_MAX = 200

const NOTHING: Omit<Settlement, 'queue'> = {
  answers: [],
  duplicates: [],
  failures: [],
  retries: [],
  isLost: false,
  newness: null,
  snapshot: null,
}

type SettledQueue = Pick<StreamQueue, 'decider' | 'isAssumedNew' | 'losses' | 'strain' | 'wins' | 'turn'>

/** Settles a batch of one stream. */
export function settle(queue: SettledQueue, batch: DecidedBatch, result: AppendResult): Settlement {
  switch (result.outcome) {
    case 'appended':
      return settleAppended(queue, batch, result.slices[0]!)
    case 'duplicate':
      return settleDuplicates(queue, batch, result.keys)
    case 'conflict': {
      const own = result.conflicts.find(({ stream }) => stream === batch.stream)
      return own ? settleConflict(queue, batch, own) : settleStaleReads(queue, batch)
    }
    case 'refused':
      return settleRefused(queue, batch, result.error)
    case 'failed':
      return { ...failAll(batch, result.error), queue: behindQueue(queue, batch) }
  }
}

/** Answers all commands. After it has won a contested stream without a turn, it lets others pass while it reads on. */
function settleAppended(queue: SettledQueue, batch: DecidedBatch, slice: SliceResult): Settlement {
  const { decider, isAssumedNew, losses, turn } = queue
  const { before, after, events, size, decided } = batch
  const position = events.length ? slice.position : before.position
  const state = { ...after, position, size: boundSize(after.state, before.size, size) }
  return {
    ...NOTHING,
    answers: decided.map(one => ({ command: one.command, outcome: outcomeOf(one, batch, slice) })),
    newness: isAssumedNew ? { command: decided[0]!.command, isNew: true } : null,
    snapshot: isSnapshotDue(decider, before.version, state.version) ? state : null,
    queue: {
      ...unchangedQueue(queue, batch),
      state,
      isAssumedNew: false,
      losses: 0,
      isBehind: losses > 0 && turn === null,
      ...contestAfterWin(queue),
    },
  }
}

/** Whether the batch passed a multiple of the decider's snapshot interval. */
function isSnapshotDue({ snapshot }: DeciderSpec, before: number, after: number): boolean {
  return snapshot !== null && Math.floor(after / snapshot.every) > Math.floor(before / snapshot.every)
}

/** The outcome of a decided command, at its own version and not at the last of its batch. */
export function outcomeOf(decided: DecidedCommand, { stream, before }: DecidedBatch, slice: SliceResult): Outcome | Refused {
  if ('outcome' in decided) return decided.outcome
  const { version, events } = decided
  const position = version > before.version ? slice.position - (slice.version - version) : before.position
  return { outcome: 'accepted', stream, version, position, events }
}

/** Nothing was appended. The other commands go in a batch by themselves, so that many duplicates do not delay them. */
function settleDuplicates(queue: SettledQueue, batch: DecidedBatch, keys: readonly StoredKey[]): Settlement {
  const known = new Map(keys.map(stored => [stored.key, stored]))
  const duplicates: Settlement['duplicates'][number][] = []
  const answers: Settlement['answers'][number][] = []
  const retries: PendingCommand[] = []
  for (const one of batch.decided) {
    const { command } = one
    const ids = 'outcome' in one ? [] : keysOfIds([{ stream: batch.stream, ...one }])
    const stored = (command.key && known.get(command.key.key)) ?? ids.flatMap(({ key }) => known.get(key) ?? [])[0]
    if (!stored) retries.push(command)
    // An append that did not know the version of its stream cannot be answered as a command.
    else if (ids.some(({ key, fingerprint }) => key === stored.key && (fingerprint !== stored.fingerprint || !stored.count)))
      answers.push({ command, outcome: rejectId(stored) })
    else duplicates.push({ command, stored })
  }
  const batchMax = retries.length || BATCH_COMMANDS_MAX
  return { ...NOTHING, answers, duplicates, retries, queue: { ...unchangedQueue(queue, batch), batchMax } }
}

/** Another process wrote to the stream. Its events are folded, and the batch is decided again. */
function settleConflict(queue: SettledQueue, batch: DecidedBatch, conflict: Conflict): Settlement {
  const answers: Settlement['answers'][number][] = []
  const retries: PendingCommand[] = []
  for (const { command } of batch.decided) {
    if (!isOutOfAttempts(command)) retries.push(command)
    else answers.push({ command, outcome: conflictOutcome(command, batch, conflict) })
  }
  // An assumption that did not hold is no loss to another process.
  const { losses, strain } = queue
  const lost = queue.isAssumedNew ? {} : { losses: losses + 1, strain: strainAfterLoss(strain) }
  return {
    ...NOTHING,
    answers,
    retries,
    isLost: true,
    newness: queue.isAssumedNew ? { command: batch.decided[0]!.command, isNew: false } : null,
    queue: { ...stateAfterConflict(queue, batch, conflict), ...lost },
  }
}

/** A stream that a command reads has changed. It is read again, and the command is decided again. */
function settleStaleReads(queue: SettledQueue, batch: DecidedBatch): Settlement {
  const commands = batch.decided.map(({ command }) => command)
  return {
    ...NOTHING,
    answers: commands.filter(isOutOfAttempts).map(command => ({ command, outcome: UNAVAILABLE })),
    retries: commands.filter(command => !isOutOfAttempts(command)),
    isLost: true,
    queue: unchangedQueue(queue, batch),
  }
}

function isOutOfAttempts({ attempts }: PendingCommand): boolean {
  return attempts + 1 >= ATTEMPTS_MAX
}

function conflictOutcome({ expect }: PendingCommand, { before }: DecidedBatch, { actual }: Conflict): Outcome {
  return { outcome: 'conflict', expected: expect ?? before.version, actual }
}

/** Folds the missed events. If they did not come, the state is read on, unless the log is shorter than the state. */
function stateAfterConflict(queue: SettledQueue, batch: DecidedBatch, conflict: Conflict): Settlement['queue'] {
  const state = foldMissed(queue.decider, batch, conflict)
  if (state) return { ...unchangedQueue(queue, batch), state, isAssumedNew: false }
  const behind = behindQueue(queue, batch)
  return conflict.actual > batch.before.version ? behind : { ...behind, state: null }
}

/** Folds the events that came with a conflict. Null: there were none, or they cannot be read. */
function foldMissed(decider: DeciderSpec, { stream, before }: DecidedBatch, { missed }: Conflict): StreamState | null {
  if (!missed?.length) return null
  try {
    const facts = missed.map(event => factOf(event, decider.readsMeta))
    const folded = fold(decider, stream, before, facts)
    const size = missed.reduce((sum, { data }) => sum + data.length, 0)
    return { ...folded, position: missed.at(-1)!.position, size: boundSize(folded.state, before.size, size) }
  } catch {
    return null
  }
}

/** Sends a refused batch again in halves, so that only the refused command fails. */
function settleRefused(queue: SettledQueue, batch: DecidedBatch, error: unknown): Settlement {
  const { decided } = batch
  if (decided.length < 2) return { ...failAll(batch, error), queue: unchangedQueue(queue, batch) }
  const retries = decided.map(({ command }) => command)
  return { ...NOTHING, retries, queue: { ...unchangedQueue(queue, batch), batchMax: decided.length >> 1 } }
}

function failAll({ decided }: DecidedBatch, error: unknown): Omit<Settlement, 'queue'> {
  return { ...NOTHING, failures: decided.map(({ command }) => ({ command, error })) }
}

function unchangedQueue({ isAssumedNew, losses, strain, wins }: SettledQueue, { before }: DecidedBatch): Settlement['queue'] {
  return { state: before, isAssumedNew, losses, isBehind: false, strain, wins, batchMax: BATCH_COMMANDS_MAX }
}

/** The log may have more than the state, which is read on before the next decision. An assumed state is forgotten. */
function behindQueue(queue: SettledQueue, batch: DecidedBatch): Settlement['queue'] {
  const state = queue.isAssumedNew ? null : batch.before
  return { ...unchangedQueue(queue, batch), state, isAssumedNew: false, isBehind: true }
}
