// Notes on the payloads of the log of fines: on the log as it is, and with planted faults.
import { z } from 'zod'
import { type ShapeNote, type ShapeRow, shapeEvent } from '../../definitions/detector/shape.ts'
import { pathsOf } from '../../definitions/detector/shape-paths.ts'
import { FINES, wilson } from './fines.ts'
import { random } from './random.ts'

const NUMBERS = ['amount', 'expense', 'paymentamount', 'totalpaymentamount', 'points', 'article']
const TEXTS = ['vehicleclass', 'dismissal', 'notificationtype', 'lastsent']
const PATHS = pathsOf(
  z.object({
    ...Object.fromEntries(NUMBERS.map(name => [name, z.number().optional()])),
    ...Object.fromEntries(TEXTS.map(name => [name, z.string().optional()])),
  }),
)

/** How many events a planted fault lasts, and how many are planted into the second half of each field. */
const FAULT_EVENTS = 100
const FAULTS = 40

type Value = number | string
type Fine = {
  readonly type: string
  readonly at: string
  readonly data: Readonly<Record<string, Value>>
  readonly position: number
}
type Fault = 'dropped' | '100 times as much' | 'a fifth more' | 'another value'
const FAULT_VALUES: Readonly<Record<Fault, (value: Value) => Value | null>> = {
  dropped: () => null,
  '100 times as much': value => Number(value) * 100,
  'a fifth more': value => Number(value) * 1.2,
  'another value': () => 'new',
}
export type ShapeScore = {
  readonly fault: Fault
  readonly fields: number
  readonly planted: number
  readonly found: number
  /** Half of those that were found were found within so many events. */
  readonly delayEvents: number
}

/** The notes on the log as it is, in the order of each type. Those whose place another one took are among them. */
export async function noteFines(): Promise<readonly ShapeNote[]> {
  return [...(await readFines()).values()].flatMap(fines => foldFines(null, fines).notes)
}

/** Plants faults into the fields that nearly all events of a type have, of types with 40 windows or more. */
export async function scoreShapes(): Promise<readonly ShapeScore[]> {
  const frequent = [...(await readFines()).values()].filter(fines => fines.length >= 2_000)
  const all = frequent.map(fines => ({ fines, ...foldFines(null, fines) }))
  return (Object.keys(FAULT_VALUES) as Fault[]).map(fault => {
    const scores = all.flatMap(folded => fieldsFor(fault, folded.fines).map(field => plantFault(fault, field, folded)))
    const delays = scores.flat().toSorted((one, other) => one - other)
    const found = delays.filter(delay => delay !== Number.POSITIVE_INFINITY)
    const delayEvents = found[found.length >> 1] ?? Number.NaN
    return { fault, fields: scores.length, planted: delays.length, found: found.length, delayEvents }
  })
}

/** A number that is 0 stays 0. */
function fieldsFor(fault: Fault, fines: readonly Fine[]): readonly string[] {
  const isUsed = (name: string) => fines.filter(({ data }) => Object.hasOwn(data, name)).length > 0.9 * fines.length
  const isMore = (name: string) => fines.filter(({ data }) => Number(data[name]) > 0).length > 0.9 * fines.length
  if (fault === 'dropped') return [...NUMBERS, ...TEXTS].filter(isUsed)
  return fault === 'another value' ? TEXTS.filter(isUsed) : NUMBERS.filter(isMore)
}

type Folded = { readonly fines: readonly Fine[]; readonly rows: readonly (ShapeRow | null)[] }

/** The events until each fault is noted; infinite where it is not. */
function plantFault(fault: Fault, field: string, { fines, rows }: Folded): readonly number[] {
  const next = random(fines.length)
  return Array.from({ length: FAULTS }, () => {
    const from = (fines.length >> 1) + Math.floor(next() * ((fines.length >> 1) - FAULT_EVENTS))
    const faulty = fines.slice(from, from + FAULT_EVENTS).map(fine => {
      const { [field]: value, ...others } = fine.data
      const planted = value === undefined ? null : FAULT_VALUES[fault](value)
      return { ...fine, data: planted === null ? others : { ...others, [field]: planted } }
    })
    const note = foldFines(rows[from]!, faulty).notes.find(({ path }) => path === field)
    return note ? note.window - from : Number.POSITIVE_INFINITY
  })
}

/** Folds events of one type over a row. Gives the row before each, and the notes with the places of their windows' ends. */
function foldFines(first: ShapeRow | null, fines: readonly Fine[]) {
  const rows: (ShapeRow | null)[] = [first]
  const notes: (ShapeNote & { readonly window: number })[] = []
  for (const { type, at, data, position } of fines) {
    const before = rows.at(-1)!
    const row = shapeEvent(before, { category: 'fine', type, at, data, position }, PATHS)
    const noted = row.notes.filter(note => !before?.notes.includes(note))
    notes.push(...noted.map(note => ({ ...note, window: position + 1 })))
    rows.push(row)
  }
  return { rows, notes }
}

/** The events of each type, in the order of their days. Positions are those within the type. */
async function readFines(): Promise<ReadonlyMap<string, readonly Fine[]>> {
  const [header = '', ...lines] = (await Bun.file(FINES).text()).trim().split('\n')
  const columns = header.trim().split(',')
  const [activity, timestamp] = [columns.indexOf('activity'), columns.indexOf('timestamp')]
  const rows = lines.map(line => line.trim().split(','))
  const inOrder = rows.toSorted((one, other) => Date.parse(one[timestamp]!) - Date.parse(other[timestamp]!))
  const dataOf = (cells: readonly string[]) => columns.flatMap((name, i) => (cells[i] ? [[name, readCell(name, cells[i])]] : []))
  return new Map(
    [...Map.groupBy(inOrder, cells => cells[activity]!)].map(([type, some]) => [
      type,
      some.map((cells, position) => ({
        ...{ type, at: `${cells[timestamp]}T00:00:00.000Z`, position },
        data: Object.fromEntries(dataOf(cells)) as Fine['data'],
      })),
    ]),
  )
}

const readCell = (name: string, cell: string): Value => (NUMBERS.includes(name) ? Number(cell) : cell)

const percent = (share: number) => `${Math.round(share * 100)}`
const shown = (value: number | readonly number[]) => [value].flat().join(', ')

if (import.meta.main) {
  for (const { subject, path, change, openedAt, usual, seen, effect } of await noteFines())
    console.log(
      `| ${subject.slice('fine.'.length)} | ${path} | ${change} | ${new Date(openedAt).toISOString().slice(0, 10)} | ${shown(usual)} | ${shown(seen)} | ${effect.toFixed(2)} |`,
    )
  for (const { fault, fields, planted, found, delayEvents } of await scoreShapes()) {
    const [share, low, high] = wilson(found, planted).map(percent)
    console.log(`| ${fault} | ${fields} | ${found} of ${planted} | ${share} % (${low} to ${high}) | ${delayEvents} |`)
  }
}
