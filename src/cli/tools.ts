// Verbs of `emaki` alone. They need no app, and no app's main has them, so nothing of them is in a compiled binary.
import { parseArgs } from 'node:util'
import { compareTool } from './compare.ts'
import { EXIT } from './exit-codes.ts'
import { allOptions, checkCall, usageOfVerb } from './usage.ts'
import { Misused, type Tool, type ToolCall, type Values } from './verb.ts'

export const tools: Readonly<Record<string, Tool>> = { compare: compareTool }

/** Runs a tool by its name, with all words and options of the command line. Gives the exit code. */
export async function runTool(name: string, argv: readonly string[]): Promise<number> {
  const tool = tools[name]!
  try {
    const { values, words } = parseCall(name, argv)
    if (values['help']) {
      console.log(usageOfVerb(name, tool))
      return 0
    }
    checkCall(name, tool, values, words)
    return await tool.run({ words, values, json: values['json'] === true })
  } catch (error) {
    if (!(error instanceof Misused)) throw error
    console.error(`${error.message}\n\n${usageOfVerb(name, tool)}`)
    return EXIT.USAGE
  }
}

function parseCall(name: string, argv: readonly string[]): Pick<ToolCall, 'values' | 'words'> {
  try {
    const options = allOptions({ [name]: tools[name]! })
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    // No option may be given several times, so no option has a list of values.
    return { values: values as Values, words: positionals.slice(1) }
  } catch (error) {
    throw new Misused((error as Error).message)
  }
}
