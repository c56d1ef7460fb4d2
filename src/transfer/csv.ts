// Reads a CSV file (RFC 4180) as records by the names in its first line. The parser is csv-parse, which only an import
// of CSV loads.
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import type { CsvError, Info, Options } from 'csv-parse'
import { type FileLine, LINE_BYTES_MAX, LINE_FEED, PIECE_BYTES, type ReadBytes } from './lines.ts'

/** One parsed record, with the number of its last line. */
type CsvRecord = { readonly record: Readonly<Record<string, string>>; readonly info: Info & { readonly error?: CsvError } }

/**
 * Gives the records of a CSV file, page by page. A record may hold line feeds in quotes. Throws BadFile if the first
 * line lacks one of the `needed` columns.
 */
export async function* csvOf(
  file: string,
  read: ReadBytes = () => {},
  needed: readonly string[] = [],
): AsyncGenerator<readonly FileLine[]> {
  const parse = await parser()
  const broken = new Set<number>()
  const skipped: { readonly line: number; readonly problem: string }[] = []
  let found: FileLine[] = []
  let before = 0
  const parsing = parse({ ...OPTIONS, columns: (header: readonly string[]) => checkHeader(header, needed) })
  // The parser reports a misplaced quote while earlier records still wait to be read.
  parsing.on('skip', ({ lines, message }: CsvError & { lines: number }) => {
    if (skipped.at(-1)?.line === lines) return
    if (skipped.length < SKIPPED_MAX) skipped.push({ line: lines, problem: message })
    else parsing.destroy(Object.assign(new Error('too many quotes in the wrong place'), { code: 'CSV_QUOTES' }))
  })
  const source = Readable.from(wholeLines(file, read, broken))
  source.on('error', error => parsing.destroy(error))
  try {
    for await (const { record, info } of source.pipe(parsing) as AsyncIterable<CsvRecord>) {
      while (skipped[0] && skipped[0].line < info.lines) {
        before = skipped[0].line
        found.push(skipped.shift()!)
      }
      const wrong = [...broken].find(line => line > before && line <= info.lines)
      for (const line of broken) if (line <= info.lines) broken.delete(line)
      before = info.lines
      found.push(lineOfRecord(record, info, wrong))
      if (found.length < PAGE_RECORDS) continue
      yield found
      found = []
    }
  } catch (error) {
    if ((error as { readonly code?: string }).code?.startsWith('CSV_') !== true) throw error
    // The parser cannot continue, for example after a quote that is never closed.
    skipped.push({ line: (error as { readonly lines?: number }).lines ?? before + 1, problem: (error as Error).message })
  } finally {
    source.destroy()
  }
  yield [...found, ...skipped]
}

/** A file of which no line can be read. */
export class BadFile extends Error {
  override readonly name = 'BadFile'
}

function checkHeader(header: readonly string[], needed: readonly string[]): string[] {
  const missing = needed.filter(name => !header.includes(name))
  if (missing.length === 0) return [...header]
  const lacks = `the header lacks the ${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}`
  throw new BadFile(`${lacks}; it has ${header.join(', ')}`)
}

function lineOfRecord(record: unknown, { lines, error }: CsvRecord['info'], noText: number | undefined): FileLine {
  if (noText !== undefined) return { line: noText, problem: 'is no UTF-8' }
  return error ? { line: lines, problem: error.message } : { line: lines, record }
}

/** Gives a file in pieces of whole lines. Notes lines that are not UTF-8: the parser would replace their bad bytes. */
async function* wholeLines(file: string, read: ReadBytes, broken: Set<number>): AsyncGenerator<Buffer> {
  let line = 0
  let rest: Buffer = Buffer.alloc(0)
  for await (const piece of createReadStream(file, { highWaterMark: PIECE_BYTES }) as AsyncIterable<Buffer>) {
    read(piece.length)
    const bytes = rest.length ? Buffer.concat([rest, piece]) : piece
    // A line that is too long for a record goes on in pieces, and the parser reports it.
    const end = bytes.length > LINE_BYTES_MAX ? bytes.length : bytes.lastIndexOf(LINE_FEED) + 1
    const lines = bytes.subarray(0, end)
    const isText = isUtf8(lines)
    for (let begin = 0; begin < end; ) {
      const next = lines.indexOf(LINE_FEED, begin)
      const stop = next < 0 ? end : next + 1
      line++
      if (!isText && !isUtf8(lines.subarray(begin, stop))) broken.add(line)
      begin = stop
    }
    if (end > 0) yield lines
    rest = bytes.subarray(end)
  }
  if (rest.length && !isUtf8(rest)) broken.add(line + 1)
  if (rest.length) yield rest
}

const PAGE_RECORDS = 1_000
/** The most unreadable records. A file with more of them is not CSV. */
const SKIPPED_MAX = 10_000
const OPTIONS: Options = {
  bom: true,
  info: true,
  // A record of another length is still a record, and is reported as such.
  relax_column_count: true,
  skip_empty_lines: true,
  skip_records_with_error: true,
  max_record_size: LINE_BYTES_MAX,
}

async function parser(): Promise<typeof import('csv-parse').parse> {
  try {
    return (await import('csv-parse')).parse
  } catch (error) {
    throw new Error('an import of CSV needs csv-parse: bun add --exact csv-parse@7.0.3', { cause: error })
  }
}
