// Texts by length: mostly ASCII, at times any graphemes, and often as long as they may be.
import type { Arbitrary } from 'fast-check'
import { fc } from '../fast-check.ts'
import { formatTexts } from './formats.ts'
import { mixValues } from './mix-values.ts'
import { type SchemaCheck, lengthsOf, type Schema } from './schema-def.ts'

/** A longer text is not generated on purpose, where a schema has a higher bound. */
const LONG_TEXT_MAX = 1_000

type Lengths = { readonly minLength: number; readonly maxLength?: number }

export function texts(schema: Schema, checks: readonly SchemaCheck[], path: string): Arbitrary<string> {
  const format = checks.find(check => check.format !== undefined)
  if (format) return formatTexts(schema, format, path)
  const lengths = lengthsOf(checks)
  const { minLength, maxLength } = lengths
  const edges = [minLength, maxLength].filter(edge => edge !== undefined && edge > 0 && edge <= LONG_TEXT_MAX)
  const atEdges = edges.map(edge => fc.string({ minLength: edge!, maxLength: edge! }))
  const plain = mixValues(fc.string(lengths), atEdges)
  return fc.oneof({ weight: 4, arbitrary: plain }, { weight: 1, arbitrary: graphemes(lengths) })
}

/** zod counts code points, and a grapheme may have several: what is too long is cut between them. */
function graphemes({ minLength, maxLength }: Lengths): Arbitrary<string> {
  const some = fc.string({ unit: 'grapheme', ...(maxLength !== undefined && { maxLength }) })
  return some.map(text => {
    const points = [...text].slice(0, maxLength)
    return points.join('') + 'a'.repeat(Math.max(0, minLength - points.length))
  })
}
