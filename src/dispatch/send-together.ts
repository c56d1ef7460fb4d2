// Commands of one instance that are sent as one.
import type { Command } from '../definitions/decider/command.ts'
import type { DeciderSpec } from '../definitions/decider/decider.ts'
import type { Invalid } from './outcome.ts'
import { type ParsedCommand, parseCommand } from './send.ts'

/** The most commands that are sent as one. */
export const TOGETHER_MAX = 100

/**
 * Parses commands that are sent as one: gives each with its output, or what is wrong with the first that does not
 * fit.
 */
export function parseTogether(decider: DeciderSpec, commands: readonly Command[]): readonly ParsedCommand[] | Invalid {
  const parsed: ParsedCommand[] = []
  for (const [i, command] of commands.entries()) {
    const one = parseCommand(decider, command)
    if ('outcome' in one) return commands.length === 1 ? one : atIndex(one, i)
    parsed.push({ command, data: one.data })
  }
  return parsed
}

/** Says why commands cannot be sent as one: none, too many, or some for other instances. Null: they can. */
export function togetherProblem(commands: readonly Command[]): string | null {
  const [first] = commands
  if (commands.length > TOGETHER_MAX || first === undefined)
    return `send: expected 1 to ${TOGETHER_MAX} commands as one, found ${commands.length}`
  const other = commands.find(({ decider, id }) => decider !== first.decider || id !== first.id)
  return other
    ? `send: commands that are sent as one are for one instance; found ${first.decider} ${first.id} and ${other.decider} ${other.id}`
    : null
}

function atIndex({ issues }: Invalid, index: number): Invalid {
  return { outcome: 'invalid', issues: issues.map(({ path, message }) => ({ path: `/${index}${path}`, message })) }
}
