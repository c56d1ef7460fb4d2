// main(app): no verb or `serve` serves; other verbs run and end. The same in source and in a binary.
import { parseArgs } from 'node:util'
import type { App } from '../../routes/app.ts'
import { ConfigError, printConfig, readConfig } from '../config.ts'
import { spec } from '../event/events.ts'
import { DamagedStream } from '../store/sequence.ts'
import { StoreError } from '../store/store.ts'
import { exportLog } from './export.ts'
import { health } from './health.ts'
import { importFile, type ImportMaps } from './import.ts'
import { migrate } from './migrate.ts'
import { audited, type Call, Misused, parked, rebuilt, reset, skip, unpark } from './rows.ts'
import { isServing, serve } from './serve.ts'
import { verify } from './verify.ts'
import { workers } from './workers.ts'

const USAGE = `usage: [verb] [options]

  serve             serve until SIGTERM or SIGINT (what happens without a verb)
    --workers N     N processes on one port; PostgreSQL only
  migrate           bring the database up to this release, and end
  parked [NAME]     show what projections and processors have put aside
  unpark NAME [KEY] have it handled again, once its cause is mended
  skip NAME KEY     have the event passed over that a key is parked at
  rebuild NAME      fill a projection anew, beside what serves until then
  reset NAME        have a projection begin anew, or a processor; whoever runs it goes on from there
    --position N    a processor: behind this position; what comes after it is handled again
  audit NAME        fold a sample of keys again and compare; 1 where rows differ
    --keys N        how many; 10000 by default
  verify            walk the log: versions without a hole, ids that are unique, payloads that can be read; 1 where something is wrong.
                    It holds a number a stream and 8 bytes an event in memory. What was changed and still fits is not found:
                    that takes a chain of hashes, which the log does not have
  health            ask the server on PORT whether it lives, and end with 0 or 1
  import FILE       import FILE (.jsonl, .csv; - is stdin): all of it or, where a line is wrong, nothing; after a crash it goes on
    --map MAP       what a record comes to: a map of this app by its name, or a file; a .jsonl without one is what export wrote
    --new           refuse streams that have events already
    --again         import although events of the file are in the log already
    --skip-bad      pass over lines that are wrong
    --name NAME     what the import is remembered by (default: a hash of the file)
    --format F      jsonl or csv (default: as the file is named)
  export [FILE]     export the log to FILE, or to stdout
    --format F      jsonl (default) or cloudevents
    --after N       only events after position N
    --category C    only events of a category
    --stream S      only events of a stream

  --json            results as JSON
  --print-config    print the configuration, secrets masked, and end
  --help            print this, and end

Settings come from the environment; --print-config names them.`

/** Exit codes of sysexits: wrong usage, and what failed for now. */
const EX_USAGE = 64
const EX_UNAVAILABLE = 69

export type MainOptions = {
  /** Maps that `import --map` may name. Default: none; a source may name a file instead. */
  readonly maps?: ImportMaps
}

/**
 * Runs the command line of an app and ends the process with its exit code: 0, 64 for wrong usage, 65 for a file that cannot be imported,
 * 66 for one that does not exist, 69 where the store cannot be opened, 78 for a configuration that cannot be used.
 */
export async function main(
  app: App,
  argv: readonly string[] = process.argv.slice(2),
  { maps = {} }: MainOptions = {},
): Promise<void> {
  const ending = run(app, argv, maps).then(code => process.exit(code), failed)
  // `bun --hot` evaluates a changed source only when the evaluation before has come to its end.
  if (!process.execArgv.includes('--hot')) await ending
}

function failed(error: unknown): void {
  const isKnown = error instanceof ConfigError || error instanceof StoreError || error instanceof DamagedStream
  console.error(isKnown ? error.message : error)
  // A change that does not work leaves the process of `bun --hot` waiting for the next one.
  if (!isServing()) process.exit(error instanceof ConfigError ? error.exitCode : error instanceof StoreError ? EX_UNAVAILABLE : 1)
}

async function run(app: App, argv: readonly string[], maps: ImportMaps): Promise<number> {
  const { values, positionals } = parsed(argv)
  if (!values || values.help) return usage(values ? 0 : EX_USAGE)
  const config = app[spec].options.config ?? readConfig()
  if (values['print-config']) {
    console.log(printConfig(config))
    return 0
  }
  const [verb = 'serve', ...words] = positionals
  const found = Object.hasOwn(verbs, verb) ? verbs[verb] : undefined
  if (!found) return usage(EX_USAGE, `there is no verb ${verb}`)
  const stranger = Object.keys(values).find(option => !found.options.includes(option))
  if (stranger !== undefined) return usage(EX_USAGE, `${verb} has no option --${stranger}`)
  if (words.length > found.words) return usage(EX_USAGE)
  const { serve, store } = app[spec].options
  const { keys, position, json = false } = values
  try {
    return await found.run({ app, serve, store, config, words, json, values, maps, keys, position })
  } catch (error) {
    if (error instanceof Misused) return usage(EX_USAGE, error.message)
    throw error
  }
}

type Called = Call & { readonly app: App; readonly values: Values; readonly maps: ImportMaps }
type Values = NonNullable<ReturnType<typeof parsed>['values']>
/** Its options, and how many words it takes at most. */
type Verb = {
  readonly options: readonly string[]
  readonly words: number
  readonly run: (call: Called) => Promise<number>
}

const verbs: Readonly<Record<string, Verb>> = {
  serve: {
    options: ['workers'],
    words: 0,
    run: ({ app, config, values: { workers: many } }) => (many === undefined ? serve(app, config) : workers(config, many)),
  },
  migrate: { options: [], words: 0, run: ({ config }) => migrate(config) },
  health: { options: [], words: 0, run: ({ config }) => health(config) },
  parked: { options: ['json'], words: 1, run: parked },
  unpark: { options: ['json'], words: 2, run: unpark },
  skip: { options: ['json'], words: 2, run: skip },
  rebuild: { options: ['json'], words: 1, run: rebuilt },
  reset: { options: ['json', 'position'], words: 1, run: reset },
  audit: { options: ['json', 'keys'], words: 1, run: audited },
  verify: { options: ['json'], words: 0, run: verify },
  import: {
    options: ['map', 'name', 'new', 'again', 'skip-bad', 'format'],
    words: 1,
    run: ({ app, config, words: [file], values, maps }) => importFile(app, config, file, values, maps),
  },
  export: {
    options: ['format', 'after', 'category', 'stream'],
    words: 1,
    run: ({ app, config, words: [file], values }) => exportLog(app, config, file, values),
  },
}

const options = {
  workers: { type: 'string' },
  keys: { type: 'string' },
  position: { type: 'string' },
  json: { type: 'boolean' },
  map: { type: 'string' },
  name: { type: 'string' },
  new: { type: 'boolean' },
  again: { type: 'boolean' },
  'skip-bad': { type: 'boolean' },
  format: { type: 'string' },
  after: { type: 'string' },
  category: { type: 'string' },
  stream: { type: 'string' },
  'print-config': { type: 'boolean' },
  help: { type: 'boolean' },
} as const

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true })
  } catch (error) {
    console.error((error as Error).message)
    return { values: null, positionals: [] }
  }
}

function usage(code: number, wrong?: string): number {
  if (wrong !== undefined) console.error(wrong)
  ;(code === 0 ? console.log : console.error)(USAGE)
  return code
}
