// Notes what changes in the payloads of a type, by windows of events. The row of a type has its past and its notes.
import { compareField, type FieldPast, learnField, NO_PAST, type ShapeChange } from './shape-field.ts'
import { type Seen, seeField, type ShapePath, type ShapePaths } from './shape-paths.ts'
import { EXAMPLES } from './hour-row.ts'

/** What changed in a field. A note is no finding: nobody is called. Times are in ms since 1970. */
export type ShapeNote = WithoutHashes<ShapeChange> & {
  readonly kind: 'shape'
  /** The type of the events: `order.Placed`. */
  readonly subject: string
  /** The field: `items[].price`. */
  readonly path: string
  /** The times of the first and the last event of the window. */
  readonly since: number
  readonly openedAt: number
  /** The positions of the last events that show it, three at most. */
  readonly examples: readonly number[]
  /** The new values of a closed list. Empty: there are none, or the schema takes any. */
  readonly values: readonly string[]
}
type WithoutHashes<C> = C extends unknown ? Omit<C, 'hashes'> : never

/** What is known of the payloads of a type. */
export type ShapeRow = {
  /** Changes with the fields that are watched. */
  readonly fingerprint: string
  /** The events since the last window: their places, and what they have in each field. */
  readonly window: readonly Observation[]
  /** By the name of the field. */
  readonly fields: Readonly<Record<string, FieldPast>>
  /** The last note of each field. */
  readonly notes: readonly ShapeNote[]
}
type Observation = { readonly position: number; readonly at: string; readonly seen: readonly Seen[] }
type Shaped = {
  readonly category: string
  readonly type: string
  readonly data: unknown
  readonly position: number
  readonly at: string
}

/** How many events are compared with the past at once. */
export const WINDOW_EVENTS = 50

const SHAPE_KEY = 'shape '
const NO_SHAPE: ShapeRow = { fingerprint: '', window: [], fields: {}, notes: [] }

/** The key of a type's row. It comes after the keys of all hours. */
export function shapeKey({ category, type }: Pick<Shaped, 'category' | 'type'>): string {
  return `${SHAPE_KEY}${category}.${type}`
}

export function isShapeKey(key: string): boolean {
  return key.startsWith(SHAPE_KEY)
}

/** The key that comes before those of types. */
export const BEFORE_SHAPES: string = SHAPE_KEY

/** Adds an event to the row of its type. Null: there is no row yet. */
export function shapeEvent(row: ShapeRow | null, event: Shaped, { paths, fingerprint }: ShapePaths): ShapeRow {
  const { fields, notes, ...before } = row ?? NO_SHAPE
  // Where the schema has other fields than before, a window of the old ones has no end.
  const started = before.fingerprint === fingerprint ? before.window : []
  const { position, at, data } = event
  const seen = paths.map(path => seeField(data, path, fields[path.name]?.texts !== null))
  const window = [...started, { position, at, seen }]
  if (window.length < WINDOW_EVENTS) return { fingerprint, window, fields, notes }
  return closeWindow({ fingerprint, window, fields, notes }, `${event.category}.${event.type}`, paths)
}

/** A field that has a note learns anew, and its next note takes the place of this one. */
function closeWindow({ fingerprint, window, fields, notes }: ShapeRow, subject: string, paths: readonly ShapePath[]): ShapeRow {
  const closed = paths.map((path, i) => {
    const seen = window.map(one => one.seen[i]!)
    const past = fields[path.name] ?? NO_PAST
    const change = compareField(past, seen)
    const note = change && noteOf(change, { subject, path, window, seen })
    return { path: path.name, past: learnField(change ? NO_PAST : past, seen), note }
  })
  const noted = closed.flatMap(({ note }) => note ?? [])
  return {
    ...{ fingerprint, window: [] },
    fields: Object.fromEntries(closed.map(({ path, past }) => [path, past])),
    notes: [...notes.filter(old => !noted.some(({ path }) => path === old.path)), ...noted],
  }
}

type Noted = {
  readonly subject: string
  readonly path: ShapePath
  readonly window: readonly Observation[]
  readonly seen: readonly Seen[]
}

function noteOf(found: ShapeChange, { subject, path, window, seen }: Noted): ShapeNote {
  const hashes = found.change === 'values' ? found.hashes : []
  const isShown = (values: Seen) => {
    if (found.change === 'values') return values?.some(value => hashes.includes(String(value))) ?? false
    return found.change === 'numbers' || found.seen > found.usual ? values !== null : values === null
  }
  const { hashes: _, ...change } = { hashes, ...found }
  return {
    ...change,
    ...{ kind: 'shape', subject, path: path.name },
    since: Date.parse(window[0]!.at),
    openedAt: Date.parse(window.at(-1)!.at),
    examples: window
      .filter((_, i) => isShown(seen[i]!))
      .map(({ position }) => position)
      .slice(-EXAMPLES),
    values: hashes.flatMap(hash => path.values?.get(hash) ?? []).slice(0, VALUES_SHOWN),
  }
}
const VALUES_SHOWN = 5

/** The notes of some rows, that of the greatest effect first. */
export function rankNotes(rows: readonly ShapeRow[]): readonly ShapeNote[] {
  return rows.flatMap(({ notes }) => notes).toSorted((one, other) => other.effect - one.effect || one.openedAt - other.openedAt)
}
