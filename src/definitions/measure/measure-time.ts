// A metric of a user's own: how long it took from one fact of a stream to another.
import type { DefinitionName } from '../definition-name.ts'
import type { AnyEvents } from '../event/events.ts'
import { byEvent, type EventNamed, familiesOf, type In, type NameOf } from '../event/families.ts'
import type { OptionKinds } from '../options.ts'
import { checkMeasure, labelFunctions, type Labels, type Measure, measureOf, type MetricOptions } from './spec.ts'
import { timesOf } from './times.ts'

/** The bounds of buckets, in seconds: from one second to a week. */
const SECONDS: readonly number[] = [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 604_800]
const BOUNDS_MAX = 50

type MeasureTimeOptions<F extends AnyEvents, B, E> = MetricOptions & {
  /** The family whose streams it measures. */
  readonly from: F
  /** The fact at which the time begins: the first of a stream counts. */
  readonly begins: B
  /** The fact at which it ends: the first one after that counts. */
  readonly ends: E
  /**
   * The attributes of the metric, by name, each a function of the fact that ends it: `event => text`. They have few
   * values. Default: none.
   */
  readonly by?: Labels<EventNamed<In<F>, E>>
  /** The upper bounds of the buckets, in seconds, the lowest first. Default: ten, from 1 second to a week. */
  readonly bounds?: readonly number[]
  /** Raise it when `by`, `begins`, `ends` or `bounds` change. The new version is counted again. Default: 1. */
  readonly version?: number
}

/**
 * Measures how long it takes: the time in a stream from one fact to another, once a stream. `/metrics` shows it as a
 * histogram, in seconds. What was imported counts by its `occurredAt`.
 *
 * @example
 * const timeToShip = measureTime('time_to_ship', { from: Order, begins: 'Placed', ends: 'Shipped' })
 */
export function measureTime<
  const N extends string,
  F extends AnyEvents,
  const B extends NameOf<In<F>>,
  const E extends NameOf<In<F>>,
>(name: DefinitionName<N, 'measure'>, options: MeasureTimeOptions<F, B, E>): Measure<N> {
  const where = `measureTime('${name}')`
  checkMeasure(where, name, options, OPTIONS)
  const { from, begins, ends, by = {}, bounds = SECONDS, help, question = name, version = 1 } = options
  checkBounds(where, bounds)
  const families = familiesOf(where, from)
  if ((begins as string) === ends) throw new TypeError(`${where}: begins and ends are both ${ends}; name two facts`)
  const is = byEvent<() => 'begins' | 'ends'>(where, families, { [begins]: () => 'begins', [ends]: () => 'ends' })
  const labels = labelFunctions(where, by)
  const metric = {
    kind: 'histogram',
    unit: 's',
    attributes: [...labels.keys()],
    help: help ?? `How long it took from ${begins} to ${ends}.`,
    question,
    bounds,
  } as const
  const measured = [begins, ends, [...bounds], [...labels]]
  const rows = timesOf({ name, version, where, families, is, labels, bounds, measured })
  return measureOf<N>(name as N, metric, { kind: 'times', rows })
}

const OPTIONS: OptionKinds<keyof MeasureTimeOptions<AnyEvents, string, string>> = {
  from: 'families',
  begins: 'text',
  ends: 'text',
  by: 'object?',
  bounds: 'list?',
  help: 'text?',
  question: 'text?',
  version: 'number?',
}

function checkBounds(where: string, bounds: readonly number[]): void {
  const isAscending = bounds.every((bound, i) => Number.isFinite(bound) && bound > (bounds[i - 1] ?? 0))
  if (isAscending && bounds.length > 0 && bounds.length <= BOUNDS_MAX) return
  throw new TypeError(
    `${where}: bounds are 1 to ${BOUNDS_MAX} numbers of seconds above 0, the lowest first; found ${Bun.inspect(bounds).slice(0, 80)}`,
  )
}
