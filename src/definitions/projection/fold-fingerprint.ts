// Fingerprints of projections: how they read, and how they fold.
import { type FingerprintPart, functionsPart, hashParts, readingPart } from '../event/fingerprints.ts'
import type { ByEvent } from '../event/families.ts'
import { fingerprint } from '../event/schema.ts'
import type { ProjectionSpec } from './projection.ts'
import type { SqlProjectionSpec } from './sql-projection.ts'

/** A fingerprint of how a projection reads stored events and its own rows. */
export function rowReader({ families, row }: Pick<ProjectionSpec, 'families' | 'row'>): string {
  return hashParts([fingerprint(row), [...families.values()].map(readingPart)])
}

/**
 * A fingerprint of how a projection folds events into rows: the schema of a row, and the text of its functions. See
 * `functionsPart` for what a text does not show. The schemas of events do not count, because each release may widen
 * them, and the rows stay the same.
 */
export function foldFingerprint(projection: ProjectionSpec | SqlProjectionSpec): string {
  if (projection.kind === 'sql-projection') return hashParts([projection.create, projection.handle])
  const { row, initial, evolve, key, inline, measured } = projection
  const first = Bun.inspect(initial, { depth: Number.POSITIVE_INFINITY, sorted: true })
  // The folds of a measure are ours, and stay the same.
  if (measured) return hashParts([first, measured])
  // Appends write the rows of an inline projection, so a release that does not know of it may not write its table.
  return hashParts([fingerprint(row), first, byEventPart(evolve), byEventPart(key), ...(inline ? ['inline'] : [])])
}

function byEventPart(functions: ByEvent<(...data: never) => unknown>): FingerprintPart {
  return [...functions]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([category, ofTypes]) => [category, functionsPart(ofTypes)])
}
