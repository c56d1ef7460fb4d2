// The streams that a decision reads besides its own. Their versions are checked by its append.
import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Slice } from '../ports/store/unit.ts'
import type { Loadable } from './loader.ts'
import type { PendingCommand } from './pending-command.ts'
import type { StreamState } from './stream-state.ts'

/** The states in memory, and those of the log. */
export type KnownStates = {
  /** The state of a stream in memory, however old. */
  readonly getState: (stream: string) => StreamState | null
  readonly loadState: (wanted: Loadable) => Promise<StreamState>
}

/** Gives the states of the streams that a command reads, but for its own: from memory, or from the log once it has lost one. */
export async function loadReads(
  command: PendingCommand,
  { getState, loadState }: KnownStates,
): Promise<Map<string, StreamState>> {
  const { reads, attempts, parent, stream: own } = command
  const wanted = new Map([...reads!.values()].flat().map(({ stream, decider }) => [stream, decider]))
  wanted.delete(own)
  const load = async ([stream, decider]: [string, DeciderSpec]): Promise<[string, StreamState]> => {
    const known = isTrusted(command) ? getState(stream) : null
    if (known && attempts === 0) return [stream, known]
    return [stream, await loadState({ stream, decider, state: known, commands: [{ key: null, keyCheck: 'done', parent }] })]
  }
  return new Map(await Promise.all([...wanted].map(load)))
}

/** Takes newer states that came into memory since, so that this process does not lose to itself. */
export function refreshReads(command: PendingCommand, getState: KnownStates['getState']): PendingCommand['read'] {
  const { read } = command
  for (const [stream, { version }] of read ?? []) {
    const known = isTrusted(command) ? getState(stream) : null
    if (known && known.version > version) read!.set(stream, known)
  }
  return read
}

/** Whether memory counts. After two losses it may be ahead of a log that was restored, and what is read on from it, too. */
function isTrusted({ attempts }: PendingCommand): boolean {
  return attempts < 2
}

/** The slices that check whether streams which were read are as they were. */
export function checksOf(read: PendingCommand['read']): readonly Slice[] {
  return read ? [...read].map(([stream, { version }]) => ({ stream, expect: version, events: [] })) : []
}

/** The states that a command's decision reads, by name. */
export function statesReadBy({ reads, read, stream }: PendingCommand, command: Command, own: unknown): object | null {
  const named = reads!.get(command)
  if (!named) return null
  return Object.fromEntries(named.map(one => [one.name, one.stream === stream ? own : read!.get(one.stream)!.state]))
}
