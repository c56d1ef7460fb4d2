// The rows of a measure that adds up: a sum for each combination of values of its attributes. The key holds the values.
import type { z } from 'zod'
import type { Recorded } from '../event/events.ts'
import { type ByEvent, type Families, storedTypes } from '../event/families.ts'
import type { FingerprintPart } from '../event/fingerprints.ts'
import type { ProjectionSpec } from '../projection/projection.ts'

/** The value of an attribute. */
export type Label = string | number | boolean
/** A function of an event for each attribute, in the order of the metric's attributes. */
export type LabelFunctions = ReadonlyMap<string, (event: Recorded) => Label>
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

/** A measure as a projection of its sums. */
export function sumsOf({ name, version, where, families, amounts, labels, measured }: Summing): ProjectionSpec {
  const key = (_: unknown, event: Recorded) => labelsKey(where, labels, event)
  const evolve: ProjectionSpec['evolve'] = mapTypes(amounts, amount => (row, data, event) => {
    const { since, value } = row as SumRow
    return { since: since || event.position, value: value + checkAmount(where, event, amount(data, event)) }
  })
  return {
    kind: 'projection',
    name,
    version,
    row: anyRow,
    initial: Object.freeze({ since: 0, value: 0 }),
    indexes: [{ field: SINCE, kind: 'number' }],
    families,
    evolve,
    key: mapTypes(amounts, () => key),
    filter: storedTypes(families, evolve),
    previous: null,
    frozen: false,
    live: false,
    inline: false,
    measured,
  }
}

/** Reads the sum that a row holds. */
export function readSum({ key, data }: { readonly key: string; readonly data: string }): MeasuredSum {
  return { values: JSON.parse(key) as readonly string[], value: (JSON.parse(data) as SumRow).value }
}

/** Our own folds give rows of the right shape. */
export const anyRow = {
  safeParse: (data: unknown) => ({ success: true, data }),
  toJSONSchema: () => ({}),
} as unknown as z.ZodType

/** The key of the row that has these values of the attributes. */
function labelsKey(where: string, labels: LabelFunctions, event: Recorded): string {
  return JSON.stringify([...labels].map(([name, of]) => labelText(`${where}.by.${name}`, of(event))))
}

function labelText(where: string, label: unknown): string {
  if (typeof label === 'string' || typeof label === 'boolean' || Number.isFinite(label)) return String(label)
  throw new TypeError(`${where} gave ${Bun.inspect(label)}; the value of an attribute is a text, a number, true or false`)
}

function checkAmount(where: string, { category, type }: Recorded, amount: unknown): number {
  if (typeof amount === 'number' && amount >= 0 && amount < Infinity) return amount
  const mend = 'A counter only grows, so it adds a number from 0. Measure what is taken back by a measure of its own.'
  throw new TypeError(`${where}: on ${category}.${type} gave ${Bun.inspect(amount)}. ${mend}`)
}

function mapTypes<A, B>(functions: ByEvent<A>, change: (of: A) => B): ByEvent<B> {
  return new Map(
    [...functions].map(([category, types]) => [category, new Map([...types].map(([type, of]) => [type, change(of)]))]),
  )
}
