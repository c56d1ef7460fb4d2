// The definitions that an app serves, sorted by their kind and checked against each other.
import type { DeciderSpec } from './decider/decider.ts'
import { isDetector } from './detector/detector.ts'
import { checkDerivedNames } from './derived-names.ts'
import type { InboxSpec } from './endpoint.ts'
import { spec } from './event/events.ts'
import { type MeasureSpec, ownRowsOf } from './measure/spec.ts'
import { checkMetrics } from './measure/metrics-together.ts'
import type { ProcessSpec } from './process/process.ts'
import type { ProcessorSpec } from './processor.ts'
import type { ProjectionSpec } from './projection/projection.ts'
import type { SqlProjectionSpec } from './projection/sql-projection.ts'
import type { QuerySpec } from './query.ts'
import type { ScheduleSpec } from './schedule.ts'

/**
 * Any definition that an app can serve: decider, projection, SQL projection, processor, process, query, schedule,
 * measure or inbox.
 */
export type Served = { readonly [spec]: { readonly kind: string; readonly name: string; readonly category?: typeof NO_FAMILY } }
const NO_FAMILY = 'serve what decides or reads the events of a family, and not the family'

export type Definition =
  | DeciderSpec
  | ProjectionSpec
  | ProcessorSpec
  | ProcessSpec
  | QuerySpec
  | SqlProjectionSpec
  | ScheduleSpec
  | MeasureSpec
  | InboxSpec

type ByName<D> = ReadonlyMap<string, D>
/** Definitions by kind and name. */
export type Definitions = { readonly [K in Definition['kind']]: ByName<Extract<Definition, { readonly kind: K }>> }

/**
 * Sorts definitions by kind. The rows of a measure are a projection, too. Throws a TypeError for a value that is no definition, for two definitions of one kind and
 * name, or whose tables would have one name, and for a process or a schedule whose deciders are not served.
 */
export function sortDefinitions(serve: readonly Served[]): Definitions {
  const sorted = {
    decider: new Map<string, DeciderSpec>(),
    projection: new Map<string, ProjectionSpec>(),
    processor: new Map<string, ProcessorSpec>(),
    query: new Map<string, QuerySpec>(),
    'sql-projection': new Map<string, SqlProjectionSpec>(),
    process: new Map<string, ProcessSpec>(),
    schedule: new Map<string, ScheduleSpec>(),
    measure: new Map<string, MeasureSpec>(),
    inbox: new Map<string, InboxSpec>(),
  }
  checkServed(serve)
  for (const served of serve) {
    const definition = definitionOf(served)
    const sameKind = sorted[definition.kind] as Map<string, Definition>
    if (sameKind.has(definition.name)) throw new TypeError(`two ${definition.kind}s are named ${definition.name}`)
    sameKind.set(definition.name, definition)
  }
  for (const sending of [...sorted.process.values(), ...sorted.schedule.values()]) checkTargets(sending, sorted.decider)
  for (const query of sorted.query.values()) checkSources(query, sorted.projection)
  checkMetrics([...sorted.measure.values()])
  for (const measure of sorted.measure.values()) checkCounted(measure, sorted.projection)
  const measured = [...sorted.measure.values()].flatMap(measure => ownRowsOf(measure) ?? [])
  const projections = [...sorted.projection.values(), ...measured]
  checkDerivedNames([...sorted.process.values(), ...projections, ...sorted['sql-projection'].values()])
  return { ...sorted, projection: new Map(projections.map(one => [one.name, one])) }
}

/** What runs for a served value: its definition; for a measure the projection that adds it up, if it has one. */
export function runningOf(served: Served): Definition {
  const definition = definitionOf(served)
  return definition.kind === 'measure' ? (ownRowsOf(definition) ?? definition) : definition
}

/** What a user calls a definition that runs: the projection of a measure is a measure, and that of a detector a detector. */
export function kindWord(serve: readonly Served[], { kind, name }: Pick<Definition, 'kind' | 'name'>): string {
  if (kind !== 'projection') return kind
  const served = serve.find(one => runningOf(one).kind === kind && runningOf(one).name === name)
  if (!served) return kind
  return definitionOf(served).kind === 'measure' ? 'measure' : isDetector(runningOf(served)) ? 'detector' : kind
}

/** The definition inside a served value. `serve` takes every kind, and the spec names the kind. */
export function definitionOf(served: Served): Definition {
  return served?.[spec] as Definition
}

const KINDS: Readonly<Record<Definition['kind'], true>> = {
  ...{ decider: true, projection: true, processor: true, query: true, process: true, schedule: true },
  ...{ 'sql-projection': true, measure: true, inbox: true },
}

/** Refuses a value that is no definition which can be served. */
export function checkServed(serve: readonly Served[]): void {
  for (const [index, served] of serve.entries())
    if (!Object.hasOwn(KINDS, definitionOf(served)?.kind))
      throw new TypeError(
        `serve takes deciders, projections, processors, processes, queries, schedules, measures and inboxes; found ${showOther(served, index)}`,
      )
}

/** Shows what is no definition that can be served. */
function showOther(served: unknown, index: number): string {
  if (served === undefined) return `undefined as number ${index + 1} of them, as of two files that import each other`
  if (typeof served !== 'object' || served === null || !(spec in served)) return Bun.inspect(served).slice(0, SHOWN_MAX)
  return `the family ${definitionOf(served as Served).name}: ${NO_FAMILY}`
}
const SHOWN_MAX = 80

/** Checks that the deciders are served, and that no decider has the category of a process's streams. */
function checkTargets({ kind, name, to }: ProcessSpec | ScheduleSpec, deciders: ByName<DeciderSpec>): void {
  const missing = [...to].find(decider => !deciders.has(decider))
  if (missing !== undefined) throw new TypeError(`the ${kind} ${name} sends to ${missing}, which is not served`)
  if (kind === 'process' && deciders.has(name))
    throw new TypeError(`the process and the decider ${name} would have one category: ${name}`)
}

/** Checks that the projections are served which a query names. */
function checkSources({ name, from }: QuerySpec, projections: ByName<ProjectionSpec>): void {
  const missing = [...(from ?? [])].find(projection => !projections.has(projection))
  if (missing !== undefined) throw new TypeError(`the query ${name} reads ${missing}, which is not served`)
}

/** Checks that the projection is served whose rows a measure counts. */
function checkCounted({ name, from }: MeasureSpec, projections: ByName<ProjectionSpec>): void {
  if (from.kind === 'rows' && projections.get(from.rows.name)?.version !== from.rows.version)
    throw new TypeError(`the measure ${name} counts rows of ${from.rows.name} version ${from.rows.version}, which is not served`)
}
