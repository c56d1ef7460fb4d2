// A metric of a user's own: a sum over the log. A subscription folds it, so each event counts once, on however many nodes.
import type { DefinitionName } from '../definition-name.ts'
import type { AnyEvents, Event, Recorded } from '../event/events.ts'
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
import type { OptionKinds } from '../options.ts'
import { checkMeasure, labelFunctions, type Labels, type Measure, measureOf, type MetricOptions } from './spec.ts'
import { type Amount, sumsOf } from './sums.ts'

/** For some of the facts, how much each adds: a number, or a function of its data. */
type Amounts<E extends Event> = {
  readonly [K in NameOf<E>]?: number | ((data: EventNamed<E, K>['data'], event: Recorded<EventNamed<E, K>>) => number)
}

type MeasureOptions<F extends AnyEvents, O extends Amounts<In<F>>> = MetricOptions & {
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
  /** Raise it when `on` or `by` change. The new version is counted again from the first event. Default: 1. */
  readonly version?: number
}

/**
 * Measures what happened: a sum over the log, which `/metrics` shows as a counter. Each event counts once, whichever
 * nodes run, through crashes and rebuilds, and every node shows the same value.
 *
 * Where `on` throws, the series is parked, and where `by` throws, the stream is, as for a projection.
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
  const labels = labelFunctions(where, by)
  const measured = [Object.entries(on).map(([type, of]) => [type, of as number | Amount]), [...labels]]
  const metric = {
    kind: 'counter',
    unit,
    attributes: [...labels.keys()],
    help: help ?? `The sum over ${namesOf(amounts)} in the log.`,
    question,
  } as const
  const rows = sumsOf({ name, version, where, families, amounts, labels, measured })
  return measureOf<N>(name as N, metric, { kind: 'sums', rows })
}

const OPTIONS: OptionKinds<keyof MeasureOptions<AnyEvents, object>> = {
  from: 'families',
  on: 'object',
  by: 'object?',
  unit: 'text?',
  help: 'text?',
  question: 'text?',
  version: 'number?',
}

/** Makes a function of each amount. What is neither a number nor a function is refused by its name. */
function readAmounts(on: object): object {
  return Object.fromEntries(Object.entries(on).map(([type, of]) => [type, typeof of === 'number' ? () => of : of]))
}

function namesOf(amounts: ByEvent<Amount>): string {
  return [...amounts].flatMap(([category, types]) => [...types.keys()].map(type => `${category}.${type}`)).join(', ')
}
