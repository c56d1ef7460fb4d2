// One stream at work: its state as far as it is known, and its waiting commands. Data, and questions about it.
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import { isLate, type PendingCommand } from './pending-command.ts'
import { emptyState, type StreamState } from './stream-state.ts'

/** The most commands that one stream puts into one batch. */
export const BATCH_COMMANDS_MAX = 256
/** After so many batches in a row lost to another process, a stream gets batches of its own. */
const LOSSES_MAX = 2
/** A lost batch strains a stream as much as so many won ones relieve it. Two within a few make it contested. */
const STRAIN_OF_LOSS = 4
const STRAIN_MAX = 2 * STRAIN_OF_LOSS
/** After so many batches won without a turn a process takes one. It would not see otherwise that others wait for it. */
const WINS_MAX = 32
/** A process gives its turn on a contested stream to the next one after so many appends, or after this time, in ms. */
const TURN_APPENDS_MAX = 8
const TURN_MS_MAX = 100

/** This process's turn on a contested stream: how to end it, when it began by performance.now, and its appends so far. */
type Turn = { readonly end: () => void; readonly since: number; appends: number }

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
  /** Whether others may have written behind the state. It is then read on before the next decision. */
  isBehind: boolean
  /** How often it lost batches to other processes lately, and how many it won since its last turn. */
  strain: number
  wins: number
  turn: Turn | null
  /** The most commands of its next batch. */
  batchMax: number
}

/** The knowledge of a stream on which no command waits. */
export type RestingStream = Pick<StreamQueue, 'isBehind' | 'strain' | 'wins'> & { readonly state: StreamState }

export function openQueue(stream: string, decider: DeciderSpec, resting: RestingStream | null): StreamQueue {
  return {
    stream,
    decider,
    commands: [],
    state: null,
    isAssumedNew: false,
    readAt: -1,
    losses: 0,
    isBehind: false,
    strain: 0,
    wins: 0,
    turn: null,
    batchMax: BATCH_COMMANDS_MAX,
    ...resting,
  }
}

/** Gives what is known of the stream. Null: nothing that was read. */
export function restingStream({ state, isBehind, strain, wins, isAssumedNew }: StreamQueue): RestingStream | null {
  return state && !isAssumedNew ? { state, isBehind, strain, wins } : null
}

/** Assumes that the stream is new. If it is not, the conflict brings its events. */
export function assumeNew(queue: StreamQueue): void {
  queue.state = emptyState(queue.decider)
  queue.isAssumedNew = true
}

/** Whether the log has to be read before the first command can be decided. */
export function needsLoad({ state, isBehind, commands }: StreamQueue): boolean {
  return state === null || isBehind || commands.some(({ keyCheck }) => keyCheck === 'before')
}

/** Whether a turn is needed before the next batch, as other processes write the stream at the same time, or may do so. */
export function needsTurn({ strain, wins, turn }: StreamQueue): boolean {
  return turn === null && (strain > STRAIN_OF_LOSS || wins >= WINS_MAX)
}

export function strainAfterLoss(strain: number): number {
  return Math.min(strain + STRAIN_OF_LOSS, STRAIN_MAX)
}

/** A batch that was won in a turn says nothing of the others. */
export function contestAfterWin({ strain, wins, turn }: Contest): Pick<Contest, 'strain' | 'wins'> {
  return turn === null ? { strain: Math.max(0, strain - 1), wins: wins + 1 } : { strain, wins }
}

type Contest = Pick<StreamQueue, 'strain' | 'wins' | 'turn'>

/** Whether the stream needs a batch of its own: it lost some, and has no turn. */
export function isExclusive({ losses, turn }: StreamQueue): boolean {
  return turn === null && losses >= LOSSES_MAX
}

/** Begins a turn, before which others have written. Null: there is none to get, so the stream is written without one. */
export function beginTurn(queue: StreamQueue, end: (() => void) | null, now: number): void {
  queue.wins = 0
  if (end) Object.assign(queue, { turn: { end, since: now, appends: 0 }, isBehind: true })
  else queue.strain = 0
}

/**
 * Counts an append of the turn, so that the last one ends it. A lost batch does not: the process that won it has no
 * turn, and has to lose batches before it takes turns, too.
 */
export function countAppend(queue: StreamQueue, now: number): void {
  const { turn } = queue
  if (turn && (++turn.appends >= TURN_APPENDS_MAX || now - turn.since >= TURN_MS_MAX)) endTurn(queue)
}

export function endTurn(queue: StreamQueue): void {
  queue.turn?.end()
  queue.turn = null
}

/** Takes the result of a load. At the beginning of a turn it shows whether others have written meanwhile. */
export function applyLoad(queue: StreamQueue, state: StreamState, readAt: number): void {
  const isFirst = queue.turn?.appends === 0 && queue.losses === 0
  if (isFirst) queue.strain = state.version === queue.state?.version ? 0 : STRAIN_MAX
  Object.assign(queue, { state, readAt, isBehind: false })
}

/** The first command, if its decision reads other streams: it is decided alone. */
export function readerOf({ commands: [first] }: StreamQueue): PendingCommand | null {
  return first?.reads && first.keyCheck !== 'before' ? first : null
}

/**
 * Takes the commands of the next batch out of the queue: up to the first whose key has to be looked up, or which reads
 * other streams. `reader` is the one that may go, and goes alone.
 */
export function takeCommands(queue: StreamQueue, reader: PendingCommand | null): PendingCommand[] {
  const { commands } = queue
  if (reader && reader === readerOf(queue)) return commands.splice(0, 1)
  const end = commands.findIndex(({ keyCheck, reads }) => keyCheck === 'before' || reads !== null)
  return commands.splice(0, Math.min(queue.batchMax, end < 0 ? BATCH_COMMANDS_MAX : end))
}

/** Takes late commands out of the queue. Commands in a batch are not abandoned. */
export function takeLate(queue: StreamQueue, now: number): readonly PendingCommand[] {
  const late = queue.commands.filter(command => isLate(command, now))
  if (late.length) queue.commands = queue.commands.filter(command => !isLate(command, now))
  return late
}
