// import FILE: imports all records of a file, or none if a line is wrong.
import { createReadStream, createWriteStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { type ImportMap, isImportMap } from '../transfer/import-map.ts'
import { beginMove, endMove, type MoveHeader, readMoveHeader } from '../transfer/carried.ts'
import { BadFile } from '../transfer/csv.ts'
import { BadLines, type FileFormat, recordsOf } from '../transfer/records.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { ImportProgress } from '../ports/store/import.ts'
import type { Store } from '../ports/store/store.ts'
import { forgetTriedReaders } from '../subscription/unreadable-events.ts'
import { EXIT } from './exit-codes.ts'
import type { ImportMaps } from './import-maps.ts'
import { withStore } from './opened.ts'
import { progress } from './progress.ts'
import { type Call, Misused, textOf, type Verb } from './verb.ts'

export const importVerb: Verb = {
  takes: 'FILE',
  does: 'import FILE (.jsonl, .csv; - is stdin): all of it, or nothing if a line is wrong; after a crash it continues',
  options: {
    map: {
      takes: 'MAP',
      does: 'the map of records to events: the name of a map of this app, or a file; without it the .jsonl is an export',
    },
    new: { does: 'refuse streams that already have events' },
    act: { does: 'let processes, processors and relays act on the events; by default they pass over them, as history' },
    'events-only': { does: 'of an export for a move, import the events alone, as history' },
    'skip-bad': { does: 'skip lines that are wrong' },
    format: { takes: 'F', does: 'jsonl or csv (default: by the name of the file)' },
  },
  json: true,
  run: importFile,
}

/**
 * Imports a file, or stdin with `-`. Gives the exit code. Run it again after a crash: it goes on where it was, and
 * events that are in the log already are passed over.
 */
async function importFile(call: Call): Promise<number> {
  const { values: asked, maps, json } = call
  const [named] = call.words
  if (named === undefined) throw new Misused('import needs a file, or - for stdin')
  const format = formatOf(named, textOf(asked, 'format'))
  if (format === null) return failWith(EXIT.USAGE, `${named}: --format is jsonl or csv`)
  if (named !== STDIN && !existsSync(named)) return failWith(EXIT.INPUT, `${named} does not exist`)
  const map = await mapOf(textOf(asked, 'map'), maps)
  if (typeof map === 'string') return failWith(EXIT.USAGE, map)
  if (format === 'csv' && !map) return failWith(EXIT.USAGE, 'a CSV file needs --map')
  using files = new DisposableStack()
  const file = named === STDIN ? await spoolStdin(files) : named
  const source = named === STDIN ? 'stdin' : basename(named)
  const [onlyNew, acts, skipBad] = [asked['new'] === true, asked['act'] === true, asked['skip-bad'] === true]
  const isAlone = map !== undefined || asked['events-only'] === true
  const wanted = { file, source, format, map, cause: `import:${await hashOf(file)}`, onlyNew, acts, skipBad, json }
  const run = isAlone ? importInto : importOrMove
  return await withStore(call, store => run(store, wanted).catch(error => reportRefusal(named, error)), { creates: true })
}

/** Imports a file. An export for a move brings more than its events. */
async function importOrMove(store: Store, asked: ImportRequest): Promise<number> {
  const header = await readMoveHeader(asked.file)
  // A moved log is the same log: what was done is carried over, so what was not done yet has to be done.
  return header ? moveInto(store, { ...asked, acts: true }, header) : importInto(store, asked)
}

/** Reports the problems of a file. Throws an error that is not a fault of the file. */
function reportRefusal(file: string, error: unknown): number {
  if (error instanceof BadLines) return failWith(EXIT.DATA, badText(file, error))
  if (error instanceof BadFile) return failWith(EXIT.DATA, `${file}: ${error.message}; nothing was imported`)
  if (error instanceof StoreError && error.reason === 'refused') return failWith(EXIT.DATA, error.message)
  throw error
}

const STDIN = '-'

/** Copies stdin to a file that is deleted with the stack. A file is read twice: once for its hash. */
async function spoolStdin(files: DisposableStack): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-import-'))
  files.defer(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'stdin')
  await pipeline(process.stdin, createWriteStream(file))
  return file
}

type ImportRequest = {
  readonly file: string
  /** The name of the file, as it is listed. */
  readonly source: string
  readonly format: FileFormat
  readonly map: ImportMap | undefined
  readonly cause: string
  readonly onlyNew: boolean
  readonly acts: boolean
  readonly skipBad: boolean
  readonly json: boolean
}

/** Imports an export for a move: what was done before its events, and what is to be done behind them. */
async function moveInto(store: Store, asked: ImportRequest, header: MoveHeader): Promise<number> {
  const isNew = await beginMove(store, asked.file)
  const code = await importInto(store, asked)
  if (!isNew) return code
  await endMove(store, asked.file, header, Date.now())
  console.error('moved with the log: checkpoints, parked keys, what is to be sent, and idempotency keys')
  return code
}

async function importInto(store: Store, asked: ImportRequest): Promise<number> {
  const { file, source, format, map, cause, onlyNew, acts, skipBad, json } = asked
  const size = statSync(file).size
  const reading = progress('reading', 'bytes')
  const moving = progress('moving', 'events')
  let bytes = 0
  let skipped = 0
  const onRead = (more: number) => {
    bytes += more
    reading.update(bytes, size)
  }
  const records = () => recordsOf({ file, format, map, cause, acts, skipBad, onRead, onBadLine: () => void skipped++ })
  let first: ImportProgress | null = null
  let last: ImportProgress = { moved: 0, total: 0, known: 0, position: 0 }
  for await (last of store.import(records, { source, onlyNew })) {
    if (first) store.announce(last.position)
    else reading.end(`${many(last.total)} events to import`)
    first ??= last
    moving.update(last.moved, last.total)
  }
  // What an earlier run has moved is in the log already.
  const before = first?.moved ?? 0
  const [moved, known] = [last.moved - before, last.known + before]
  moving.end(`${many(moved)} events moved`)
  if (moved > 0) await forgetTriedReaders(store)
  if (moved > 0 && !acts) console.error(HISTORY)
  if (json) console.log(JSON.stringify({ moved, known, skipped, position: last.position }))
  else {
    const passed = skipped ? `, ${many(skipped)} bad lines skipped` : ''
    console.log(`imported ${many(moved)} events${known ? `; ${many(known)} were in the log already` : ''}${passed}`)
  }
  return 0
}

const HISTORY =
  'they are history: processes fold them, and send nothing for them; processors and relays pass over them; timers that lie ahead are set'

function formatOf(file: string, format: string | undefined): FileFormat | null {
  const named = format ?? (file === STDIN ? 'jsonl' : /\.(csv|jsonl|ndjson)$/i.exec(file)?.[1]?.toLowerCase())
  if (named === 'csv') return 'csv'
  return named === 'jsonl' || named === 'ndjson' ? 'jsonl' : null
}

/** The map of a name, or the default export of a file. Gives a text if there is a problem. */
async function mapOf(named: string | undefined, maps: ImportMaps): Promise<ImportMap | undefined | string> {
  if (named === undefined) return undefined
  if (Object.hasOwn(maps, named)) return maps[named]!
  const names = Object.keys(maps).join(', ') || 'none'
  if (Bun.isStandaloneExecutable || !existsSync(named)) return `there is no map ${named}; this app has ${names}`
  const { default: found } = (await import(pathToFileURL(resolve(named)).href)) as { readonly default?: unknown }
  return isImportMap(found) ? found : `${named} has no default export that is an importMap`
}

async function hashOf(file: string): Promise<string> {
  const hasher = new Bun.CryptoHasher('sha256')
  for await (const piece of createReadStream(file, { highWaterMark: 1_048_576 })) hasher.update(piece as Buffer)
  return hasher.digest('hex').slice(0, 32)
}

function badText(file: string, { lines, count }: BadLines): string {
  const more = count > lines.length ? [`… and ${many(count - lines.length)} more`] : []
  const head = `${file}: ${many(count)} bad ${count === 1 ? 'line' : 'lines'}, nothing was imported; --skip-bad skips them`
  return [head, ...lines.map(({ line, problem }) => `  line ${line}: ${problem}`), ...more].join('\n')
}

function many(value: number): string {
  return value.toLocaleString('en')
}

function failWith(code: number, message: string): number {
  console.error(message)
  return code
}
