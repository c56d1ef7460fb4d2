// A metric of a user's own: a fold of the log. A subscription folds it, so each event counts once, on however many nodes.
import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import { type AnyEvents, type Event, type Recorded, spec } from '../event/events.ts'
import {
  type ByEvent,
  byEvent,
  type EventNamed,
  familiesOf,
  type In,
  type NameOf,
  type One,
  type Only,
} from '../event/families.ts'
import type { FingerprintPart } from '../event/fingerprints.ts'
import { checkKind, checkOptions, type OptionKinds } from '../options.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { checkAttribute, checkMetricName, checkUnit } from './metric-name.ts'
import { type Amount, type Label, type LabelFunctions, sumsOf } from './sums.ts'

/** A measure as the framework runs it: what the metric is called, and the rows from which it is read. */
export type MeasureSpec = {
  readonly kind: 'measure'
  readonly name: string
  readonly metric: MeasuredMetric
  /** Its own rows: a projection that no route shows. Null: it counts the rows of another projection. */
  readonly rows: ProjectionSpec | null
}
/** A metric that a measure gives. The unit is by UCUM, or a word. `question`: what its panel answers. */
export type MeasuredMetric = {
  readonly kind: 'counter'
  readonly unit: string
  readonly attributes: readonly string[]
  readonly help: string
  readonly question: string
}
/** A measure, which `serve` takes. */
export type Measure<N extends string> = { readonly [spec]: MeasureSpec & { readonly name: N } }

/** For some of the facts, how much each adds: a number, or a function of its data. */
type Amounts<E extends Event> = {
  readonly [K in NameOf<E>]?: number | ((data: EventNamed<E, K>['data'], event: Recorded<EventNamed<E, K>>) => number)
}
/** Attributes of a metric by name, each a function of the event. */
type Labels<E extends Event> = { readonly [attribute: string]: (event: Recorded<E>) => Label }

type MeasureOptions<F extends AnyEvents, O extends Amounts<In<F>>> = {
  /** The family or families whose facts it measures. */
  readonly from: One<F>
  /**
   * For some of the facts, how much each adds to the sum: a number from 0, or a function `(data, event) => number`. `1`
   * counts them.
   */
  readonly on: O & NoInfer<Only<O, NameOf<In<F>>>>
  /**
   * The attributes of the metric, by name, each a function `event => text`. Each combination of values is a series of
   * its own, so they have few values: a country, and no customer. Default: none.
   */
  readonly by?: Labels<EventNamed<In<F>, keyof O>>
  /** The unit: `s`, `By` or another of UCUM, a word such as `cents`, or what is counted, such as `{order}`. Default: none. */
  readonly unit?: string
  /** What the metric says, in one sentence. Default: which facts it adds up. */
  readonly help?: string
  /** What its panel answers. Default: its name. */
  readonly question?: string
  /** Raise it when `on` or `by` change. The new version is counted again from the first event. Default: 1. */
  readonly version?: number
}

/**
 * Measures what happened: a sum over the log, which `/metrics` shows as a counter. Each event counts once, whichever
 * nodes run, through crashes and rebuilds, and every node shows the same value.
 *
 * Where `on` or `by` throw, the sum or the stream is parked, as for a projection.
 *
 * @example
 * const revenue = measure('revenue', { from: Order, on: { Shipped: ({ cents }) => cents }, unit: 'cents' })
 * const placed = measure('orders_placed', { from: Order, on: { Placed: 1 }, by: { country: ({ data }) => data.country } })
 */
export function measure<const N extends string, F extends AnyEvents, O extends Amounts<In<F>>>(
  name: DefinitionName<N, 'measure'>,
  options: MeasureOptions<F, O>,
): Measure<N> {
  const where = `measure('${name}')`
  checkMeasure(where, name, options, OPTIONS)
  const { from, on, by = {}, unit = '', help, question = name, version = 1 } = options
  const families = familiesOf(where, from)
  const amounts = byEvent<Amount>(`${where}.on`, families, readAmounts(on))
  if (amounts.size === 0) throw new TypeError(`${where}: on names the facts that it adds up, and found none`)
  // The events are those that `on` names.
  const labels: LabelFunctions = new Map(Object.entries(by as unknown as Readonly<Record<string, (event: Recorded) => Label>>))
  const measured = [Object.entries(on).map(([type, of]) => [type, amountPart(of)]), [...labels]]
  const metric = {
    kind: 'counter',
    unit,
    attributes: [...labels.keys()],
    help: help ?? `The sum over ${namesOf(amounts)} in the log.`,
    question,
  } as const
  const rows = sumsOf({ name, version, where, families, amounts, labels, measured })
  return Object.freeze({ [spec]: { kind: 'measure', name, metric, rows } }) as Measure<N>
}

const OPTIONS: OptionKinds<keyof MeasureOptions<AnyEvents, object>> = {
  from: 'families',
  on: 'object',
  by: 'functions?',
  unit: 'text?',
  help: 'text?',
  question: 'text?',
  version: 'number?',
}

/** What the options of all measures have in common. */
type Common = { readonly by?: object | undefined; readonly unit?: string | undefined; readonly version?: number | undefined }

/** Checks the name and the options of a measure. Throws a TypeError. */
export function checkMeasure(where: string, name: string, options: Common, kinds: OptionKinds<string>): void {
  checkDefinitionName(where, 'measure', name)
  checkMetricName(where, name)
  checkOptions(where, options, kinds)
  const { by = {}, unit, version = 1 } = options
  if (unit !== undefined) checkUnit(where, unit)
  for (const [attribute, of] of Object.entries(by)) {
    checkAttribute(`${where}.by`, attribute)
    checkKind(`${where}.by.${attribute}`, of, 'function')
  }
  if (!(Number.isSafeInteger(version) && version >= 1 && version < 100_000))
    throw new TypeError(`${where}: expected a version from 1 to 99999, found ${version}`)
}

/** Makes a function of each amount. What is neither a number nor a function is refused by its name. */
function readAmounts(on: object): object {
  return Object.fromEntries(Object.entries(on).map(([type, of]) => [type, typeof of === 'number' ? () => of : of]))
}

function amountPart(of: unknown): FingerprintPart {
  return typeof of === 'number' ? of : (of as Amount)
}

function namesOf(amounts: ByEvent<Amount>): string {
  return [...amounts].flatMap(([category, types]) => [...types.keys()].map(type => `${category}.${type}`)).join(', ')
}
