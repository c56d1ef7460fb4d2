// The rows of a measure that adds up: a sum for each combination of values of its attributes. The key holds the values.
import type { z } from 'zod'
import type { Recorded } from '../event/events.ts'
import { type ByEvent, type Families, storedTypes } from '../event/families.ts'
import type { FingerprintPart } from '../event/fingerprints.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { type LabelFunctions, labelsText, readLabels } from './spec.ts'

/** How much an event adds. */
export type Amount = (data: unknown, event: Recorded) => number

/** `since`: the position of the first event. It puts series in an order in which none moves. */
type SumRow = { readonly since: number; readonly value: number }
/** A sum with the values of the attributes. */
export type MeasuredSum = { readonly values: readonly string[]; readonly value: number }

type Summing = {
  readonly name: string
  readonly version: number
  /** Names the definition in an error. */
  readonly where: string
  readonly families: Families
  readonly amounts: ByEvent<Amount>
  readonly labels: LabelFunctions
  /** The user's functions, which say what the rows are. */
  readonly measured: FingerprintPart
}

/** The field by which the series of a measure are listed: the oldest first. */
export const SINCE = 'since'

const NOTHING: SumRow = Object.freeze({ since: 0, value: 0 })

/** A measure as a projection of its sums. */
export function sumsOf({ where, amounts, labels, ...rest }: Summing): ProjectionSpec {
  return measuredProjection({
    ...rest,
    initial: NOTHING,
    indexes: [{ field: SINCE, kind: 'number' }],
    functions: amounts,
    evolve: amount => (row, data, event) => {
      const { since, value } = row as SumRow
      return { since: since || event.position, value: value + checkAmount(where, event, amount(data, event)) }
    },
    key: (_, event) => labelsText(where, labels, event),
  })
}

/** Reads the sum that a row holds. */
export function readSum({ key, data }: { readonly key: string; readonly data: string }): MeasuredSum {
  return { values: readLabels(key), value: (JSON.parse(data) as SumRow).value }
}

function checkAmount(where: string, { category, type }: Recorded, amount: unknown): number {
  if (typeof amount === 'number' && amount >= 0 && amount < Infinity) return amount
  const mend = 'A counter only grows, so it adds a number from 0. Measure what is taken back by a measure of its own.'
  throw new TypeError(`${where}: on ${category}.${type} gave ${Bun.inspect(amount)}. ${mend}`)
}

type Evolve = (row: unknown, data: unknown, event: Recorded) => unknown
type Measuring<F> = Pick<ProjectionSpec, 'name' | 'version' | 'families' | 'initial' | 'indexes'> & {
  readonly measured: FingerprintPart
  /** The facts that it folds. */
  readonly functions: ByEvent<F>
  /** Makes the fold of a fact. */
  readonly evolve: (of: F) => Evolve
  /** The key of all facts. Null: the instance. */
  readonly key: ((data: unknown, event: Recorded) => string) | null
}

/** A projection of a measure's own rows. */
export function measuredProjection<F>({ functions, evolve, key, families, ...rest }: Measuring<F>): ProjectionSpec {
  const folds = mapTypes(functions, evolve)
  return {
    ...rest,
    kind: 'projection',
    row: anyRow,
    families,
    evolve: folds,
    key: key ? mapTypes(functions, () => key) : new Map(),
    filter: storedTypes(families, folds),
    previous: null,
    frozen: false,
    live: false,
    inline: false,
  }
}

/** The folds give rows of the right shape. */
const anyRow = {
  safeParse: (data: unknown) => ({ success: true, data }),
  toJSONSchema: () => ({}),
} as unknown as z.ZodType

function mapTypes<A, B>(functions: ByEvent<A>, change: (of: A) => B): ByEvent<B> {
  return new Map(
    [...functions].map(([category, types]) => [category, new Map([...types].map(([type, of]) => [type, change(of)]))]),
  )
}
