// The measures among what an app serves.
import { definitionOf, type Served } from '../../src/definitions/definition.ts'
import type { MeasureSpec } from '../../src/definitions/measure/spec.ts'

/** The measures among definitions, in their order. */
export function measuresOf(serve: Iterable<unknown>): readonly MeasureSpec[] {
  return [...serve].map(one => definitionOf(one as Served)).filter((one): one is MeasureSpec => one?.kind === 'measure')
}
