// main(app): without a verb, or with `serve`, it serves; other verbs run and end. It works the same in source and in a
// binary.
import { nameProgram } from '../lib/verb-command.ts'
import { checkOptions, type OptionKinds } from '../definitions/options.ts'
import { parseArgs } from 'node:util'
import { mountedIn, type Site } from '../../routes/site.ts'
import { ConfigError, printConfig, readConfig } from '../config.ts'
import { spec } from '../definitions/event/events.ts'
import { Notice } from '../ports/report/notice.ts'
import { printReports } from '../ports/report/print.ts'
import { DamagedStream } from '../ports/store/sequence.ts'
import { StoreError } from '../ports/store/errors.ts'
import { EXIT } from './exit-codes.ts'
import type { ImportMaps } from './import-maps.ts'
import { programOfMain } from './program.ts'
import { isServing } from './serve.ts'
import { describeNames, nearestName } from '../definitions/nearest-name.ts'
import { allOptions, checkCall, optionsOf, usageOf, usageOfVerb } from './usage.ts'
import { Misused, type Values } from './verb.ts'
import { verbs } from './verbs.ts'

export type MainOptions = {
  /** Maps that `import --map` may name. Default: none; a source may name a file instead. */
  readonly maps?: ImportMaps
}

/**
 * Runs the command line of an app and ends the process with an exit code: 0, or one of exit-codes.ts. Takes the app, or a
 * Hono app that mounts it: then it serves that one.
 *
 * @example
 * await main(new Hono().get('/', c => c.text('Welcome')).route('/shop', app({ serve: [order] })))
 */
export async function main(
  site: Site,
  argv: readonly string[] = process.argv.slice(2),
  options: MainOptions = {},
): Promise<void> {
  checkOptions('main', options, { maps: 'object?' } satisfies OptionKinds<keyof MainOptions>)
  const { maps = {} } = options
  nameProgram(programOfMain())
  const ending = run(site, argv, maps).then(
    code => process.exit(code),
    error => handleFailure(error, argv),
  )
  // `bun --hot` evaluates a changed source only after the evaluation before has ended.
  if (!process.execArgv.includes('--hot')) await ending
}

function handleFailure(error: unknown, argv: readonly string[]): void {
  const verb = argv.find(word => !word.startsWith('-')) ?? 'serve'
  if (error instanceof ConfigError || (verb !== 'serve' && isOfData(error))) console.error(error.message)
  else printReports()(failureNotice(error, verb))
  // After a change that fails, the process of `bun --hot` waits for the next change.
  if (!isServing()) process.exit(exitCodeOf(error))
}

/** Whether an error is of the data, so that a person needs its message and not the place in the code. */
function isOfData(error: unknown): error is StoreError | DamagedStream {
  return error instanceof StoreError || error instanceof DamagedStream
}

function failureNotice(error: unknown, verb: string): Notice {
  const message = `${verb} failed: ${error instanceof Error ? error.message : Bun.inspect(error)}`
  const cause = isOfData(error) ? undefined : error
  return new Notice({ level: 'error', code: 'verb-failed', message, fields: { verb }, cause })
}

function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT.CONFIG
  return error instanceof StoreError ? EXIT.UNAVAILABLE : EXIT.PROBLEM
}

async function run(site: Site, argv: readonly string[], maps: ImportMaps): Promise<number> {
  const parsed = parseArguments(argv)
  if (typeof parsed === 'string') return reportUnread(parsed, argv)
  const { values, positionals } = parsed
  const [name = 'serve', ...words] = positionals
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (!verb) return reportMisuse(`there is no verb ${name}${orNearest(name)}`, usageOf(verbs))
  if (values['help']) {
    console.log(positionals.length ? usageOfVerb(name, verb) : usageOf(verbs))
    return 0
  }
  const { app, base } = mountedIn(site)
  const config = app[spec].options.config ?? readConfig()
  if (values['print-config']) {
    console.log(printConfig(config))
    return 0
  }
  const { serve, store } = app[spec].options
  try {
    checkCall(name, verb, values, words)
    return await verb.run({ app, site, base, serve, store, config, words, json: values['json'] === true, values, maps })
  } catch (error) {
    if (error instanceof Misused) return reportMisuse(error.message, usageOfVerb(name, verb))
    throw error
  }
}

function parseArguments(argv: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } | string {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options: allOptions(verbs), allowPositionals: true })
    // No option may be given several times, so no option has a list of values.
    return { values: values as Values, positionals }
  } catch (error) {
    return (error as Error).message
  }
}

/** Says what is wrong with arguments that cannot be read. Of an unknown option it says so with the usage of its verb. */
function reportUnread(wrong: string, argv: readonly string[]): number {
  const [, option] = /^Unknown option '--([^']+)'/.exec(wrong) ?? []
  const name = argv.find(word => !word.startsWith('-'))
  const verb = name !== undefined && Object.hasOwn(verbs, name) ? verbs[name] : undefined
  if (option === undefined || name === undefined || !verb) return reportMisuse(wrong, usageOf(verbs))
  return reportMisuse(
    `${name} has no option --${option}; ${describeNames(option, Object.keys(optionsOf(verb)))}`,
    usageOfVerb(name, verb),
  )
}

function orNearest(name: string): string {
  const nearest = nearestName(name, Object.keys(verbs))
  return nearest === null ? '' : `; did you mean ${nearest}?`
}

function reportMisuse(wrong: string, usage: string): number {
  console.error(`${wrong}\n\n${usage}`)
  return EXIT.USAGE
}
