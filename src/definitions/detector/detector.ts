// A detector: a projection that counts the events of each hour by type. Findings are a pure function of its rows.
import type { z } from 'zod'
import { checkDefinitionName, type DefinitionName } from '../definition-name.ts'
import { type AnyEvents, type Recorded, spec } from '../event/events.ts'
import { type ByEvent, type Families, familiesOf, type In, type NameOf, type One, storedTypes } from '../event/families.ts'
import { freezeAll } from '../event/payload.ts'
import { checkOptions, type OptionKinds } from '../options.ts'
import type { ProjectionSpec } from '../projection/projection.ts'
import { countEvent, type HourRow, hourKey, NO_EVENTS } from './hour-row.ts'
import { isShapeKey, type ShapeRow, shapeEvent, shapeKey } from './shape.ts'
import { pathsOf, type ShapePaths } from './shape-paths.ts'
import { THRESHOLD, THRESHOLD_MAX, THRESHOLD_MIN } from './settings.ts'

/** A detector. */
export type Detector<N extends string> = { readonly [spec]: DetectorSpec & { readonly name: N } }

/** A detector as the framework runs it: a projection that HTTP does not serve. */
export type DetectorSpec = ProjectionSpec & {
  readonly threshold: number
  /** The fields of each type whose changes are noted, by `order.Placed`. Null: payloads are not read. */
  readonly shapes: ReadonlyMap<string, ShapePaths> | null
}

type DetectorOptions<F extends AnyEvents> = {
  /** The family or families whose events it counts. */
  readonly from: One<F>
  /** The events that it counts. Default: all. */
  readonly types?: readonly NameOf<In<F>>[]
  /**
   * The evidence from which on a change is called, as the natural logarithm of a likelihood ratio: 5 to 30. With one more,
   * calls come later, and about a third as many are false. `backtest` says how many there would have been. Default: 10.
   */
  readonly threshold?: number
  /**
   * Whether payloads are read, too. What changes in a field is noted: how often it is there, new values of few, and how
   * high numbers are. Nobody is called for a note. It costs more than counting. Default: false.
   */
  readonly shape?: boolean
}

/**
 * Watches how often events of each type come, and finds silence, declines, growth and bursts. It learns the usual rates
 * of weekdays and hours from the log. It also learns what follows what in a stream, and finds what never did before. `emaki findings` shows what it found.
 *
 * @example
 * const rates = detector('rates', { from: [Order, Payment] })
 */
export function detector<const N extends string, F extends AnyEvents>(
  name: DefinitionName<N, '-'>,
  options: DetectorOptions<F>,
): Detector<N> {
  const where = `detector('${name}')`
  checkDefinitionName(where, '-', name)
  checkOptions(where, options, OPTIONS)
  const { threshold = THRESHOLD, types, shape = false } = options
  if (!(threshold >= THRESHOLD_MIN && threshold <= THRESHOLD_MAX))
    throw new TypeError(`${where}: expected a threshold from ${THRESHOLD_MIN} to ${THRESHOLD_MAX}, found ${threshold}`)
  const families = familiesOf(where, options.from)
  const counted = countedTypes(where, families, types)
  const shapes = shape ? shapesOf(families, counted) : null
  const count = counterOf(families)
  const evolve = byType(counted, shapes ? countAndShape(count, shapes) : count)
  const definition: DetectorSpec = {
    ...{ kind: 'projection', name, version: 1, row: anyRow, initial: freezeAll(NO_EVENTS), indexes: [], families, evolve },
    ...{
      key: byType(counted, (_: unknown, event: Recorded) => (shape ? [hourKey(event), shapeKey(event)] : hourKey(event))),
      filter: storedTypes(families, evolve),
      previous: null,
    },
    ...{ frozen: false, live: false, inline: false, readsFollows: true, threshold, shapes },
  }
  // Only types know the name.
  return Object.freeze({ [spec]: definition }) as Detector<N>
}

const OPTIONS: OptionKinds<keyof DetectorOptions<AnyEvents>> = {
  from: 'families',
  types: 'texts?',
  threshold: 'number?',
  shape: 'boolean?',
}

export function isDetector(definition: { readonly kind: string }): definition is DetectorSpec {
  return 'threshold' in definition
}

type Count = (row: unknown, data: unknown, event: Recorded) => HourRow
const counterOf =
  (families: Families): Count =>
  (row, _, event) =>
    countEvent(row as HourRow, followToday(families, event as Recorded & Follows))

type Follows = { readonly follows: string | null }

/** The event, with today's name of the type before it. A type that was split or retired has its old name. */
function followToday(families: Families, { category, type, at, position, follows }: Recorded & Follows) {
  const old = follows === null ? undefined : families.get(category)?.was.get(follows)
  return { category, type, at, position, follows: old?.kind === 'renamed' ? old.to : follows }
}

/** The rows of hours, and those of types. */
function countAndShape(count: Count, shapes: ReadonlyMap<string, ShapePaths>) {
  return (row: unknown, data: unknown, event: Recorded, key: string) => {
    if (!isShapeKey(key)) return count(row, data, event)
    const known = row === NO_EVENTS ? null : (row as ShapeRow)
    return shapeEvent(known, event, shapes.get(`${event.category}.${event.type}`)!)
  }
}

function shapesOf(families: Families, counted: readonly Counted[]): ReadonlyMap<string, ShapePaths> {
  const schemaOf = ([category, type]: Counted) => families.get(category)!.types.get(type)!.schema
  return new Map(counted.map(one => [one.join('.'), pathsOf(schemaOf(one))]))
}

/** The rows are made here alone. */
const anyRow = { safeParse: (data: unknown) => ({ success: true, data }), toJSONSchema: () => ({}) } as unknown as z.ZodType

/** The events that are counted, each with its category. */
function countedTypes(where: string, families: Families, types: readonly string[] | undefined): readonly Counted[] {
  const all = [...families.values()].flatMap(({ name, types }) => [...types.keys()].map((type): Counted => [name, type]))
  const isNamed = (name: string, [category, type]: Counted) => name === type || name === `${category}.${type}`
  const stranger = types?.find(name => !all.some(one => isNamed(name, one)))
  if (stranger !== undefined) throw new TypeError(`${where}: ${stranger} is no event of its families`)
  return types ? all.filter(one => types.some(name => isNamed(name, one))) : all
}
type Counted = readonly [category: string, type: string]

function byType<T>(counted: readonly Counted[], value: T): ByEvent<T> {
  const types = Map.groupBy(counted, ([category]) => category)
  return new Map([...types].map(([category, all]) => [category, new Map(all.map(([, type]) => [type, value]))]))
}
