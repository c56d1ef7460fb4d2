// The rows of a measure of times: one for each stream, from the fact that begins to the one that ends.
import type { Recorded } from '../event/events.ts'
import type { ByEvent, Families } from '../event/families.ts'
import type { FingerprintPart } from '../event/fingerprints.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { type LabelFunctions, labelsText, readLabels } from './spec.ts'
import { measuredProjection } from './sums.ts'

/** `began`: in ms since 1970. While nothing has ended it, the rest is null. */
type TimeRow = { readonly began: number; readonly place: string | null; readonly seconds: number | null }
/** A bucket of a series: the values of the attributes, and the number of its bound. */
export type TimeBucket = { readonly values: readonly string[]; readonly bucket: number }

type Timing = {
  readonly name: string
  readonly version: number
  /** Names the definition in an error. */
  readonly where: string
  readonly families: Families
  /** What a fact does to the time. */
  readonly is: ByEvent<() => 'begins' | 'ends'>
  readonly labels: LabelFunctions
  readonly bounds: readonly number[]
  readonly measured: FingerprintPart
}

/** The indexes by which times are counted, and added up. */
export const PLACE = 'place'
export const SECONDS_TAKEN = 'seconds'

const NOT_BEGUN: TimeRow = Object.freeze({ began: 0, place: null, seconds: null })

/** A measure of times as a projection of streams. */
export function timesOf({ is, where, labels, bounds, ...rest }: Timing): ProjectionSpec {
  const begin = (row: TimeRow, event: Recorded): TimeRow => (row.began ? row : { ...row, began: timeOf(event) })
  const end = (row: TimeRow, event: Recorded): TimeRow | null => {
    if (!row.began) return null
    if (row.place !== null) return row
    const seconds = Math.max(0, timeOf(event) - row.began) / 1_000
    return { ...row, place: `${bucketOf(bounds, seconds)} ${labelsText(where, labels, event)}`, seconds }
  }
  return measuredProjection({
    ...rest,
    initial: NOT_BEGUN,
    indexes: [
      { field: PLACE, kind: 'text' },
      { field: SECONDS_TAKEN, kind: 'number' },
    ],
    functions: is,
    evolve: of => (row, _, event) => (of() === 'begins' ? begin : end)(row as TimeRow, event),
    key: null,
  })
}

/** Reads where a time is counted. */
export function readPlace(place: string): TimeBucket {
  const space = place.indexOf(' ')
  return { values: readLabels(place.slice(space + 1)), bucket: Number(place.slice(0, space)) }
}

function bucketOf(bounds: readonly number[], seconds: number): number {
  const found = bounds.findIndex(bound => seconds <= bound)
  return found === -1 ? bounds.length : found
}

/** When a fact happened, in ms since 1970. */
function timeOf({ at, meta }: Recorded): number {
  return Date.parse(meta.occurredAt ?? at)
}
