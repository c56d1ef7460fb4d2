// import FILE: imports all records of a file, or none if a line is wrong.
import { createReadStream, createWriteStream, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pathToFileURL } from 'node:url'
import { type ImportMap, isImportMap } from '../transfer/import-map.ts'
import { findExported } from '../transfer/find-exported.ts'
import { BadLines, type FileFormat, recordsOf } from '../transfer/records.ts'
import { StoreError } from '../ports/store/errors.ts'
import type { Store } from '../ports/store/store.ts'
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
    again: { does: 'import even if events of the file are already in the log' },
    'skip-bad': { does: 'skip lines that are wrong' },
    name: { takes: 'NAME', does: 'the name of the import, to continue it (default: a hash of the file)' },
    format: { takes: 'F', does: 'jsonl or csv (default: by the name of the file)' },
  },
  json: true,
  run: importFile,
}

/**
 * Imports a file, or stdin with `-`. Gives the exit code. After a crash, run it again: it goes on from its progress.
 */
async function importFile(call: Call): Promise<number> {
  const { values: asked, maps, json } = call
  const [named] = call.words
  if (named === undefined) throw new Misused('import needs a file, or - for stdin')
  const [mapName, asName] = [textOf(asked, 'map'), textOf(asked, 'name')]
  const format = formatOf(named, textOf(asked, 'format'))
  if (format === null) return failWith(EXIT.USAGE, `${named}: --format is jsonl or csv`)
  if (named !== STDIN && !existsSync(named)) return failWith(EXIT.INPUT, `${named} does not exist`)
  const map = await mapOf(mapName, maps)
  if (typeof map === 'string') return failWith(EXIT.USAGE, map)
  if (format === 'csv' && !map) return failWith(EXIT.USAGE, 'a CSV file needs --map')
  using files = new DisposableStack()
  const file = named === STDIN ? await spoolStdin(files) : named
  const hash = await hashOf(file)
  const name = asName ?? (mapName === undefined ? hash : `${hash} ${basename(mapName)}`)
  const [onlyNew, skipBad, again] = [asked['new'] === true, asked['skip-bad'] === true, asked['again'] === true]
  const wanted = { file, format, map, name, hash, onlyNew, skipBad, again, json }
  return await withStore(call, store => importInto(store, wanted).catch(error => reportRefusal(named, error)))
}

/** Reports the problems of a file. Throws an error that is not a fault of the file. */
function reportRefusal(file: string, error: unknown): number {
  if (error instanceof BadLines) return failWith(EXIT.DATA, badText(file, error))
  if (error instanceof StoreError && error.reason === 'refused') return failWith(EXIT.DATA, error.message)
  throw error
}

const STDIN = '-'

/**
 * Copies stdin to a file that is deleted with the stack. A file is read more than once, because no line is moved before
 * all have been read.
 */
async function spoolStdin(files: DisposableStack): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'emaki-import-'))
  files.defer(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'stdin')
  await pipeline(process.stdin, createWriteStream(file))
  return file
}

type ImportRequest = {
  readonly file: string
  readonly format: FileFormat
  readonly map: ImportMap | undefined
  readonly name: string
  readonly hash: string
  readonly onlyNew: boolean
  readonly skipBad: boolean
  readonly again: boolean
  readonly json: boolean
}

async function importInto(store: Store, asked: ImportRequest): Promise<number> {
  const { file, format, map, name, hash, onlyNew, skipBad, json } = asked
  const size = statSync(file).size
  const reading = progress('reading', 'bytes')
  const moving = progress('moving', 'events')
  let isMoving = false
  let skipped = 0
  const records = async function* () {
    let bytes = 0
    skipped = 0
    const read = (more: number) => {
      bytes += more
    }
    const bad = () => void skipped++
    for await (const page of recordsOf({ file, format, map, cause: `import:${name}`, skipBad, onRead: read, onBadLine: bad })) {
      if (!isMoving) reading.update(bytes, size)
      yield page
    }
  }
  let last = { moved: 0, total: 0, position: 0 }
  let before: number | null = null
  for await (const at of store.import(name, records, { fingerprint: hash, onlyNew })) {
    if (!isMoving) reading.end(`${many(at.total)} events to import`)
    isMoving = true
    if (before === null && at.moved === 0) await refuseDoubles(store, asked)
    before ??= at.moved
    if (at.moved > before) store.announce(at.position)
    moving.update(at.moved, at.total)
    last = at
  }
  moving.end(`${many(last.moved)} events moved`)
  if (json) {
    console.log(JSON.stringify({ name, moved: last.moved, before: before ?? 0, skipped, position: last.position }))
    return 0
  }
  const rest = before ? ` (${many(before)} of them before)` : ''
  const passed = skipped ? `, ${many(skipped)} bad lines skipped` : ''
  console.log(`imported ${many(last.moved)} events${rest}${passed}; the import is named ${name}`)
  return 0
}

/**
 * Refuses a second import of the same events. An import that has moved some of its records finds these, so it is not
 * checked.
 */
async function refuseDoubles(store: Store, { file, map, again }: ImportRequest): Promise<void> {
  const id = map || again ? null : await findExported(store, file)
  if (id === null) return
  throw new StoreError(
    'refused',
    `the event ${id} of this file is already in the log, so nothing was imported: is the file an export of this log? Use another database, or --again to import its events twice`,
  )
}

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
