// A measure as the framework runs it, and what the definitions of all measures check.
import { checkDefinitionName } from '../definition-name.ts'
import { type Event, type Recorded, spec } from '../event/events.ts'
import { checkKind, checkOptions, type OptionKinds } from '../options.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { checkAttribute, checkMetricName, checkUnit } from './metric-name.ts'

/** A metric of a user's own, and the rows from which it is read. */
export type MeasureSpec = {
  readonly kind: 'measure'
  readonly name: string
  readonly metric: MeasuredMetric
  readonly from: MeasuredRows
}
/** A measure, which `serve` takes. */
export type Measure<N extends string> = { readonly [spec]: MeasureSpec & { readonly name: N } }

/** A metric that a measure gives. The unit is by UCUM, or a word. `question`: what its panel answers. */
export type MeasuredMetric = {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly unit: string
  readonly attributes: readonly string[]
  readonly help: string
  readonly question: string
  /** A histogram: the upper bounds of its buckets, in its unit. */
  readonly bounds?: readonly number[]
}

/**
 * The rows of a measure. `sums`: rows of its own, each a sum. `times`: rows of its own, each a stream with the time it
 * took. `rows`: those of a projection, counted by some of their indexes.
 */
export type MeasuredRows =
  | { readonly kind: 'sums' | 'times'; readonly rows: ProjectionSpec }
  | { readonly kind: 'rows'; readonly rows: ProjectionSpec; readonly by: readonly CountedField[] }
/** An index by which rows are counted. A flag is kept as a number. */
export type CountedField = { readonly field: string; readonly isFlag: boolean }

/** The rows that a measure folds itself. Null: it counts those of a projection. */
export function ownRowsOf({ from }: MeasureSpec): ProjectionSpec | null {
  return from.kind === 'rows' ? null : from.rows
}

/** The value of an attribute. */
export type Label = string | number | boolean
/** Attributes of a metric by name, each a function of the event. */
export type Labels<E extends Event> = { readonly [attribute: string]: (event: Recorded<E>) => Label }
/** A function of an event for each attribute, in the order of the metric's attributes. */
export type LabelFunctions = ReadonlyMap<string, (event: Recorded) => Label>

/** The values of an event's attributes, as one text. Throws a TypeError for a value that is none. */
export function labelsText(where: string, labels: LabelFunctions, event: Recorded): string {
  return JSON.stringify([...labels].map(([name, of]) => labelText(`${where}.by.${name}`, of(event))))
}

/** The values of attributes that a text holds. */
export function readLabels(text: string): readonly string[] {
  return JSON.parse(text) as readonly string[]
}

function labelText(where: string, label: unknown): string {
  if (typeof label === 'string' || typeof label === 'boolean' || Number.isFinite(label)) return String(label)
  throw new TypeError(`${where} gave ${Bun.inspect(label)}; the value of an attribute is a text, a number, true or false`)
}

/** What all measures say of their metric. */
export type MetricOptions = {
  /** What the metric says, in one sentence. Default: from what it is made. */
  readonly help?: string
  /** What its panel answers. Default: its name. */
  readonly question?: string
}

/** What the options of measures may have in common. */
type Common = { readonly unit?: string | undefined; readonly version?: number | undefined }

/** Checks the name and the options of a measure. Throws a TypeError. */
export function checkMeasure(where: string, name: string, options: Common, kinds: OptionKinds<string>): void {
  checkDefinitionName(where, 'measure', name)
  checkMetricName(where, name)
  checkOptions(where, options, kinds)
  const { unit, version = 1 } = options
  if (unit !== undefined) checkUnit(where, unit)
  if (!(Number.isSafeInteger(version) && version >= 1 && version < 100_000))
    throw new TypeError(`${where}: expected a version from 1 to 99999, found ${version}`)
}

/** Checks the functions of attributes. Throws a TypeError. */
export function labelFunctions<E extends Event>(where: string, by: Labels<E>): LabelFunctions {
  for (const [attribute, of] of Object.entries(by)) {
    checkAttribute(`${where}.by`, attribute)
    checkKind(`${where}.by.${attribute}`, of, 'function')
  }
  // The events are those that the measure names.
  return new Map(Object.entries(by as unknown as Readonly<Record<string, (event: Recorded) => Label>>))
}

/** Makes a measure of its parts. */
export function measureOf<N extends string>(name: N, metric: MeasuredMetric, from: MeasuredRows): Measure<N> {
  return Object.freeze({ [spec]: { kind: 'measure', name, metric, from } })
}
