// The command's loop: load, decide, append, settle, answer.
import type { Store } from '../ports/store/store.ts'
import type { StoredKey } from '../ports/store/unit.ts'
import type { Trace } from '../ports/trace/trace.ts'
import type { PendingAppend } from './append-batch.ts'
import type { Appender } from './appender.ts'
import { type DecidedBatch, type DecisionContext, decideBatch } from './decide-batch.ts'
import type { Loader, StreamLoad } from './loader.ts'
import type { NewnessAverage } from './newness.ts'
import { KEY_REUSED, UNAVAILABLE } from './outcome.ts'
import { endWithError, type PendingCommand } from './pending-command.ts'
import { checksOf, type KnownStates, loadReads, refreshReads } from './reads.ts'
import { replayOutcome } from './replay-outcome.ts'
import { outcomeOf, type Settlement, settle } from './settle.ts'
import {
  applyLoad,
  beginTurn,
  countAppend,
  endTurn,
  isExclusive,
  needsLoad,
  needsTurn,
  readerOf,
  type StreamQueue,
  takeCommands,
  takeLate,
} from './stream-queue.ts'
import type { StreamState } from './stream-state.ts'

export type CommandLoopOptions = KnownStates & {
  readonly store: Store
  readonly trace: Trace
  readonly loader: Loader
  readonly appender: Appender
  readonly newness: NewnessAverage
  readonly now: () => number
  /** Saves a snapshot in the background. */
  readonly saveSnapshot: (queue: StreamQueue, state: StreamState) => void
  /** Called when no command waits any more, before another can arrive. */
  readonly onIdle: (queue: StreamQueue) => void
}

type AppendOfBatch = PendingAppend & { readonly batch: DecidedBatch }

export class CommandLoop {
  readonly #options: CommandLoopOptions

  constructor(options: CommandLoopOptions) {
    this.#options = options
  }

  /**
   * Answers the commands of one stream until none waits:
   * 1. It waits for its turn if the stream is contested.
   * 2. It loads the stream if its state, or a key, is not known; and the streams that the first command reads.
   * 3. It decides the waiting commands at the moment at which the batch leaves.
   * 4. It appends all decisions as one unit of that batch.
   * 5. It settles: appended commands are answered, and commands that lost their stream are decided again.
   */
  async run(queue: StreamQueue): Promise<void> {
    const { appender, store } = this.#options
    while (queue.commands.length > 0) {
      if (needsTurn(queue) && store.takeTurn) {
        beginTurn(queue, await store.takeTurn(queue.stream), performance.now())
        continue
      }
      if (needsLoad(queue)) {
        await this.#loadStream(queue)
        continue
      }
      const reader = readerOf(queue)
      if (reader && !reader.read) {
        await this.#loadReads(queue, reader)
        continue
      }
      const appended = await appender.append({
        streams: [queue.stream],
        ...(reader && { reads: [...reader.read!.keys()] }),
        isExclusive: isExclusive(queue),
        takeAppend: turn => this.#decideWaiting(queue, turn, reader),
      })
      if (appended) this.#applySettlement(queue, settle(queue, appended.append.batch, appended.result))
      if (queue.turn && queue.commands.length === 0) await this.#awaitMore(queue)
    }
    this.#options.onIdle(queue)
  }

  /** Callers that were just answered often send again at once. If none does, the turn ends. */
  async #awaitMore(queue: StreamQueue): Promise<void> {
    await new Promise<void>(resolve => setImmediate(resolve))
    if (queue.commands.length === 0) endTurn(queue)
  }

  async #loadStream(queue: StreamQueue): Promise<void> {
    const { loader, newness } = this.#options
    try {
      const isUnknown = queue.state === null
      const { state, asked, keys, readAt } = await loader.load(queue)
      if (isUnknown && queue.commands[0]) newness.observe(queue.commands[0], state.version === 0)
      applyLoad(queue, state, readAt)
      if (asked.size) this.#takeDuplicates(queue, asked, keys)
    } catch (error) {
      for (const command of queue.commands.splice(0)) endWithError(command, error, () => UNAVAILABLE)
    }
  }

  /** Loads the streams that a command reads. A command that lost one does not trust what is in memory. */
  async #loadReads(queue: StreamQueue, reader: PendingCommand): Promise<void> {
    const { getState, loadState } = this.#options
    try {
      reader.read = await loadReads(reader, { getState, loadState })
    } catch (error) {
      const isWaiting = queue.commands.includes(reader)
      queue.commands = queue.commands.filter(command => command !== reader)
      if (isWaiting) endWithError(reader, error, () => UNAVAILABLE)
    }
  }

  /** Takes commands out of the queue whose keys were used before, and answers them. */
  #takeDuplicates(queue: StreamQueue, asked: StreamLoad['asked'], keys: StreamLoad['keys']): void {
    const waiting = queue.commands
    queue.commands = waiting.filter(command => !asked.has(command) || !keys.has(command.key!.key))
    for (const command of waiting) {
      if (!asked.has(command)) continue
      command.keyCheck = 'done'
      const stored = keys.get(command.key!.key)
      if (stored) this.#replayOutcome(command, stored)
    }
  }

  /** Decides the waiting commands, or the one that reads other streams. Null: there is nothing to append. */
  #decideWaiting(queue: StreamQueue, turn: DecisionContext['turn'], first: PendingCommand | null): AppendOfBatch | null {
    const { now, trace, getState } = this.#options
    for (const command of takeLate(queue, performance.now())) command.answer(UNAVAILABLE)
    const commands = takeCommands(queue, first)
    if (!commands.length) return null
    const read = commands[0] === first ? refreshReads(first, getState) : null
    const context = { now: now(), trace, newId: () => Bun.randomUUIDv7(), turn }
    const batch = decideBatch(queue.stream, queue.state!, commands, context)
    for (const { command, error } of batch.failed) command.fail(error)
    for (const command of batch.unasked) command.keyCheck = 'before'
    queue.commands.unshift(...batch.unasked, ...commands.slice(batch.taken))
    const { before, decided, events, keys, size } = batch
    const isWriting = events.length > 0 || keys.length > 0
    if (!isWriting && decided.every(({ command }) => command.arrival < queue.readAt && !read)) {
      // The stream was read after these commands arrived, so its version needs no confirmation. One that was read may.
      for (const one of decided) one.command.answer(outcomeOf(one, batch, before))
      return null
    }
    return {
      batch,
      unit: { slices: [{ stream: queue.stream, expect: before.version, events }, ...checksOf(read)], keys },
      size,
      isResendable: true,
      until: Math.max(...decided.map(({ command }) => command.deadline)),
      parents: decided.map(({ command }) => command.parent),
    }
  }

  /** Applies a settlement. The state changes and callers are answered after the commit, and never before. */
  #applySettlement(queue: StreamQueue, { answers, duplicates, failures, retries, ...settled }: Settlement): void {
    Object.assign(queue, settled.queue)
    if (settled.isLost) for (const command of retries) Object.assign(command, { attempts: command.attempts + 1, read: null })
    queue.commands.unshift(...retries)
    for (const { command, outcome } of answers) command.answer(outcome)
    for (const { command, stored } of duplicates) this.#replayOutcome(command, stored)
    for (const { command, error } of failures) endWithError(command, error)
    if (settled.newness) this.#options.newness.observe(settled.newness.command, settled.newness.isNew)
    if (settled.snapshot) this.#options.saveSnapshot(queue, settled.snapshot)
    if (!settled.isLost) countAppend(queue, performance.now())
  }

  /** Answers with the stored outcome of a key, or refuses the command if the key was used for another. */
  #replayOutcome(command: PendingCommand, stored: StoredKey): void {
    const { key } = command
    if (key?.key === stored.key && key.fingerprint !== stored.fingerprint)
      return command.answer({ outcome: 'rejected', code: KEY_REUSED })
    replayOutcome(this.#options.store, command.decider, stored).then(
      outcome => command.answer(outcome),
      error => endWithError(command, error, () => UNAVAILABLE),
    )
  }
}
