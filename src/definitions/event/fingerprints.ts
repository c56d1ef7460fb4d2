// Fingerprints of code: a short text that changes with what a definition does, as far as its text shows that.
import type { EventsSpec, Was } from './events.ts'
import { canonicalText } from './payload.ts'
import type { Chain } from './upcast.ts'

/** A part of a fingerprint: a text, a function for its text, or a list of parts. */
export type FingerprintPart = string | number | null | ((...data: never) => unknown) | readonly FingerprintPart[]

/** The first 60 bits of the SHA-256 of some parts. */
export function hashParts(parts: FingerprintPart): string {
  return digest(parts).toString('base64url').slice(0, 10)
}

/** The first 31 bits of the SHA-256 of some parts, for a column of small whole numbers. */
export function hashToNumber(parts: FingerprintPart): number {
  return digest(parts).readUInt32BE(0) >>> 1
}

/**
 * The functions of a definition by name, as a part.
 *
 * A function counts by its text. The text does not show what the function calls, or the values it takes from around it:
 * a change there needs a new `version`. The text also changes when only the build does (a minifier, another release of
 * Bun). So a different fingerprint may cost a needless fold, and never gives a wrong state.
 */
export function functionsPart(functions: ReadonlyMap<string, (...data: never) => unknown>): FingerprintPart {
  return [...functions].toSorted(byName).map(([name, run]) => [name, run])
}

/** A fingerprint of how several families read stored events. */
export function eventReader(families: ReadonlyMap<string, EventsSpec>): string {
  return hashParts([...families.values()].map(readingPart))
}

/** How a family reads stored events: its schemas, its upcasts, and what became of its old types. */
export function readingPart({ name, types, was }: EventsSpec): FingerprintPart {
  return [
    name,
    [...types].toSorted(byName).map(([type, chain]) => [type, chainPart(chain)]),
    [...was].toSorted(byName).map(([type, old]) => [type, wasPart(old)]),
  ]
}

function chainPart({ fingerprint, up, older }: Chain): FingerprintPart {
  return [fingerprint, up, older && chainPart(older)]
}

function wasPart(was: Was): FingerprintPart {
  if (was.kind === 'renamed') return [was.kind, was.to]
  return was.kind === 'split' ? [was.kind, chainPart(was.chain), was.source] : [was.kind]
}

function byName([one]: readonly [string, unknown], [other]: readonly [string, unknown]): number {
  return one < other ? -1 : 1
}

function digest(parts: FingerprintPart): Buffer {
  return new Bun.CryptoHasher('sha256').update(canonicalText(textsOf(parts))).digest()
}

function textsOf(part: FingerprintPart): unknown {
  if (typeof part === 'function') return String(part)
  return Array.isArray(part) ? part.map(textsOf) : part
}
