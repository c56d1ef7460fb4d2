// Which streams the decisions of commands read besides their own.
import { errorWithoutSecrets } from '../definitions/secret-fields.ts'
import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Instance } from '../definitions/decider/reads.ts'
import { spec } from '../definitions/event/events.ts'
import { nameProblem } from '../definitions/event/names.ts'
import { streamName } from '../definitions/event/stream-name.ts'
import { type Invalid, invalidOutcome } from './outcome.ts'

/** A stream that a decision reads, and the name that it has there. */
export type StreamRead = { readonly name: string; readonly stream: string; readonly decider: DeciderSpec }

/** The most instances that a command reads besides its own. */
export const READS_MAX = 8

/** The streams that commands read, by command. Null: none. Gives an outcome if the data names what cannot be read. */
export function streamsReadByAll(
  decider: DeciderSpec,
  commands: readonly Command[],
): ReadonlyMap<Command, readonly StreamRead[]> | Invalid | null {
  if (decider.reads.size === 0) return null
  const found = new Map<Command, readonly StreamRead[]>()
  for (const [index, command] of commands.entries()) {
    const streams = readStreams(decider, command)
    if (typeof streams === 'string') return invalidOutcome([{ path: commands.length > 1 ? [index] : [], message: streams }])
    if (streams.length) found.set(command, streams)
  }
  return found.size ? found : null
}

function readStreams(decider: DeciderSpec, command: Command): readonly StreamRead[] | string {
  try {
    return streamsReadBy(decider, command)
  } catch (error) {
    throw errorWithoutSecrets(error, command.data)
  }
}

/**
 * The streams that the decision of a command reads. Gives a text instead if they are too many, or if an id can be none:
 * both come with the data. Throws a TypeError if `reads` gives something else than instances.
 */
function streamsReadBy(decider: DeciderSpec, { command, id, data }: Command): readonly StreamRead[] | string {
  const reads = decider.reads.get(command)
  if (!reads) return []
  const own = { [spec]: decider } as unknown as Instance[0]
  const where = `${decider.name}: reads: ${command}`
  const named = Object.entries(reads(data, { instance: id, self: other => [own, other] }) ?? {})
  if (named.length > READS_MAX) return `${command} reads ${named.length} instances; at most ${READS_MAX} can be read`
  const streams: StreamRead[] = []
  for (const [name, instance] of named) {
    const [of, other] = Array.isArray(instance) ? (instance as unknown as Instance) : []
    const definition = of?.[spec] as DeciderSpec | undefined
    if (definition?.kind !== 'decider') throw new TypeError(`${where}: ${name} is no instance; write [decider, id]`)
    const wrong = nameProblem(`the id of ${name}`, other)
    if (wrong !== null) return wrong
    streams.push({ name, stream: streamName(definition.name, other!), decider: definition })
  }
  return streams
}
