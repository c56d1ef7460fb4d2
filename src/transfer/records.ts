// Turns a file into records for the log. Every line becomes records, by a map or in Emaki's own format, or is reported
// with its number.
import { categoryOf, streamProblem } from '../definitions/event/stream-name.ts'
import { encode } from '../definitions/event/payload.ts'
import { describeNumber, findInexact, holdsNumber, isInexactText, markInexact } from '../definitions/event/exact-number.ts'
import { checkEvent, spec } from '../definitions/event/events.ts'
import { readTime, TIME_EXPECTED } from '../definitions/event/time.ts'
import type { NewRecord } from '../ports/store/import-record.ts'
import { isUuid } from '../definitions/event/uuid.ts'
import { isInstant } from './check.ts'
import { isCarriedLine } from './carried.ts'
import { csvOf } from './csv.ts'
import { DerivedIds } from './derived-ids.ts'
import type { EventOfFamily, ImportMap, Imported, ImportMapSpec } from './import-map.ts'
import { type FileLine, linesOf, type ReadBytes } from './lines.ts'
import { recordOfLine } from './stored-line.ts'

export type FileFormat = 'jsonl' | 'csv'
export type BadLine = { readonly line: number; readonly problem: string }

/** Lines that could not be read. `lines`: the first of them. `count`: how many there are. */
export class BadLines extends Error {
  override readonly name = 'BadLines'
  readonly lines: readonly BadLine[]
  readonly count: number
  constructor(lines: readonly BadLine[], count: number) {
    super(`${count} bad ${count === 1 ? 'line' : 'lines'}, the first: line ${lines[0]?.line}: ${lines[0]?.problem}`)
    this.lines = lines
    this.count = count
  }
}

export type RecordsOptions = {
  readonly file: string
  readonly format: FileFormat
  /** Maps a line to facts. Default: lines are in Emaki's own format. */
  readonly map?: ImportMap | undefined
  /** The correlation and the causation of mapped events. */
  readonly cause: string
  /** Whether processes, processors and relays act on the events. Default: false, they are marked as history. */
  readonly acts?: boolean
  /** Skip bad lines instead of throwing them. Default: false. */
  readonly skipBad?: boolean
  readonly onRead?: ReadBytes
  /** Called with every bad line. */
  readonly onBadLine?: (line: BadLine) => void
}

const BAD_LINES_SHOWN = 20

/**
 * Gives the records of a file, page by page. At the end throws BadLines if there were any. Throws BadFile for a CSV
 * without the columns that the map needs.
 */
export async function* recordsOf(options: RecordsOptions): AsyncGenerator<readonly NewRecord[]> {
  const { skipBad = false, onBadLine = () => {} } = options
  const ids = new DerivedIds()
  const wrong: BadLine[] = []
  let count = 0
  for await (const page of linesOfFile(options)) {
    const records: NewRecord[] = []
    for (const one of page) {
      const made = parseLine(one, options, ids)
      if ('problem' in made) {
        count++
        if (wrong.length < BAD_LINES_SHOWN) wrong.push(made)
        onBadLine(made)
      } else records.push(...made)
    }
    // After a bad line nothing will be moved: the rest is only read to find further bad lines.
    if (records.length && (skipBad || count === 0)) yield records
  }
  if (count && !skipBad)
    throw new BadLines(
      wrong.toSorted((one, other) => one.line - other.line),
      count,
    )
}

function linesOfFile({ file, format, map, onRead }: RecordsOptions): AsyncGenerator<readonly FileLine[]> {
  return format === 'csv' ? csvOf(file, onRead, map?.[spec].columns()) : linesOf(file, onRead)
}

function parseLine(one: FileLine, options: RecordsOptions, ids: DerivedIds): readonly NewRecord[] | BadLine {
  const { map, format, acts = false } = options
  if (one.problem !== undefined) return { line: one.line, problem: one.problem }
  try {
    // Without a map, a record is the text of a line.
    if (!map && isCarriedLine(one.record as string)) return []
    if (!map) return [{ ...recordOfLine(one.record as string, acts), line: one.line }]
    const record = format === 'csv' ? one.record : parseExact(one.record as string)
    return map[spec].run(record, one.line).map(imported => {
      checkRounding(record, imported.event.data)
      return { ...recordOf(map[spec], imported, options, ids), line: one.line }
    })
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    const inexact = map && !(error instanceof SyntaxError) && format === 'jsonl' ? findInexact(one.record as string) : null
    return { line: one.line, problem: inexact ? `${problem}; ${inexact}` : problem }
  }
}

/** Parses a line. In the place of a number that a double cannot hold stands a text that no fact takes. */
function parseExact(text: string): unknown {
  const record: unknown = JSON.parse(text)
  const marked = markInexact(text)
  return marked === text ? record : JSON.parse(marked)
}

/** Refuses a fact with a number that was rounded when a map read it from a text. */
function checkRounding(record: unknown, data: unknown): void {
  for (const field of Object.values(Object(record)))
    if (typeof field === 'string' && isInexactText(field.trim()) && holdsNumber(data, Number(field)))
      throw new TypeError(describeNumber(field.trim()))
}

function recordOf(
  { families }: ImportMapSpec,
  imported: Imported<EventOfFamily>,
  { cause, acts = false }: RecordsOptions,
  ids: DerivedIds,
): NewRecord {
  const { stream, event, occurredAt } = imported
  const wrong = streamProblem(stream)
  if (wrong) throw new TypeError(`the stream ${JSON.stringify(stream)}: ${wrong}`)
  const family = families.get(event.category)
  const type = family?.types.get(event.type)
  if (!family || !type) throw new TypeError(`${event.category}.${event.type} is no event of the families the map is from`)
  if (categoryOf(stream) !== event.category) throw new TypeError(`${event.category}.${event.type} does not belong into ${stream}`)
  if (occurredAt !== undefined && (!isInstant(occurredAt) || Number.isNaN(readTime(occurredAt))))
    throw new TypeError(`occurredAt: ${TIME_EXPECTED}; found ${JSON.stringify(occurredAt)}`)
  const data = encode(checkEvent(family, event).data)
  const id = imported.id ?? ids.take([stream, event.type, data, occurredAt])
  if (!isUuid(id)) throw new TypeError(`the id ${JSON.stringify(id)} is no UUID`)
  const meta = JSON.stringify({
    correlation: cause,
    causation: cause,
    ...(occurredAt !== undefined && { occurredAt }),
    ...(!acts && { history: true }),
  })
  return { id, stream, type: event.type, schema: type.fingerprint, data, meta }
}
