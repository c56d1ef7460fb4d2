// One stream at work: its state as far as it is known, and its waiting commands. Data, and questions about it.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { isLate, type PendingCommand } from './pending-command.ts'
import { emptyState, type StreamState } from './stream-state.ts'

/** The most commands that one stream puts into one batch. */
export const BATCH_COMMANDS_MAX = 256
/** After so many batches lost to another process, a stream gets batches of its own. */
const LOSSES_MAX = 2

export type StreamQueue = {
  readonly stream: string
  readonly decider: DeciderSpec
  commands: PendingCommand[]
  /** Null: the stream has to be read. */
  state: StreamState | null
  /** Whether the state was taken for empty without a read. The append's expectation shows whether that was right. */
  isAssumedNew: boolean
  /** Commands with an `arrival` below this number arrived before the stream was last read. */
  readAt: number
  /** How many batches in a row it lost to another process. */
  losses: number
  /**
   * Whether it has just won a contested stream. It then reads the stream before it appends again, so that others get a
   * turn.
   */
  yieldsTurn: boolean
  /** The most commands of its next batch. */
  batchMax: number
}

export function openQueue(stream: string, decider: DeciderSpec, state: StreamState | null): StreamQueue {
  return {
    stream,
    decider,
    commands: [],
    state,
    isAssumedNew: false,
    readAt: -1,
    losses: 0,
    yieldsTurn: false,
    batchMax: BATCH_COMMANDS_MAX,
  }
}

/** Assumes that the stream is new. If it is not, the conflict brings its events. */
export function assumeNew(queue: StreamQueue): void {
  queue.state = emptyState(queue.decider)
  queue.isAssumedNew = true
}

/** Whether the log has to be read before the first command can be decided. */
export function needsLoad({ state, yieldsTurn, commands }: StreamQueue): boolean {
  return state === null || yieldsTurn || commands.some(({ keyCheck }) => keyCheck === 'before')
}

/** Whether the stream needs a batch of its own. */
export function isExclusive({ losses }: StreamQueue): boolean {
  return losses >= LOSSES_MAX
}

/** Takes the commands of the next batch out of the queue, up to the first whose key has to be looked up. */
export function takeCommands(queue: StreamQueue): PendingCommand[] {
  const unasked = queue.commands.findIndex(({ keyCheck }) => keyCheck === 'before')
  return queue.commands.splice(0, Math.min(queue.batchMax, unasked < 0 ? BATCH_COMMANDS_MAX : unasked))
}

/** Takes late commands out of the queue. Commands in a batch are not abandoned. */
export function takeLate(queue: StreamQueue, now: number): readonly PendingCommand[] {
  const late = queue.commands.filter(command => isLate(command, now))
  if (late.length) queue.commands = queue.commands.filter(command => !isLate(command, now))
  return late
}
