// Mounts the routes of every definition, and refuses definitions whose paths collide.
import type { Hono } from 'hono'
import { type DeciderSpec, routedCommands } from '../src/definitions/decider/decider.ts'
import { checkServed, type Definition, definitionOf, type Served } from '../src/definitions/definition.ts'
import { isDetector } from '../src/definitions/detector/detector.ts'
import type { ProjectionSpec } from '../src/definitions/projection/projection.ts'
import type { QuerySpec } from '../src/definitions/query.ts'
import type { CachedAnswers } from './queries/cached-answers.ts'
import { type CommandMaker, handle } from './commands/commands.ts'
import { MIN_POSITION, withParameters } from './http/parameters.ts'
import { rowEvents } from './events/row.ts'
import { answerQuery } from './queries/queries.ts'
import { getRow, listRows } from './rows/rows.ts'
import { getState } from './streams/states.ts'

/** The first steps of the framework's own paths. */
const RESERVED = [
  'streams',
  'events',
  'health',
  'ready',
  'startup',
  'metrics',
  'logs',
  'openapi.json',
  'asyncapi.json',
  'docs',
  'problems',
  'commands',
]

/**
 * The definitions that an app serves. Throws a TypeError for a value that is none, if two definitions have one path, or if a definition has a
 * path of the framework.
 */
export function definitionsOf(serve: readonly Served[]): readonly Definition[] {
  checkServed(serve)
  const byName = new Map<string, Definition>()
  return serve.map(served => {
    const definition = definitionOf(served)
    const { kind, name } = definition
    if (RESERVED.includes(name) && hasPath(definition))
      throw new TypeError(`the ${kind} ${name} and the framework's own /${name} would have one path`)
    const other = byName.get(name)
    if (other)
      throw new TypeError(
        other.kind === kind
          ? `two definitions would have the path /${name}: ${kind} ${name} twice`
          : `two definitions are named ${name}: the ${other.kind} and the ${kind}`,
      )
    byName.set(name, definition)
    return definition
  })
}

/** Whether HTTP serves a definition. A definition that only works on the log has a name and no path. */
export function hasPath(definition: Definition): definition is DeciderSpec | ProjectionSpec | QuerySpec {
  return (
    !['processor', 'process', 'sql-projection', 'schedule', 'measure', 'inbox'].includes(definition.kind) &&
    !isDetector(definition)
  )
}

export function mount(hono: Hono, definition: Definition, cached: ReadonlyMap<string, CachedAnswers>): void {
  if (definition.kind === 'decider') mountDecider(hono, definition)
  if (definition.kind === 'projection' && hasPath(definition)) mountProjection(hono, definition)
  if (definition.kind === 'query') hono.get(`/${definition.name}`, answerQuery(definition, cached.get(definition.name)!))
}

function mountDecider(hono: Hono, decider: DeciderSpec): void {
  for (const [command] of routedCommands(decider)) {
    const handler = handle(Object.assign(() => null as never, { decider: decider.name, command }) as CommandMaker)
    hono.post(`/${decider.name}/:id/${command}`, withParameters([], handler))
    hono.post(`/${decider.name}/${command}`, withParameters([], handler))
  }
  if (decider.expose) hono.get(`/${decider.name}/:id`, withParameters(['version', 'at'], getState(decider.name)))
}

function mountProjection(hono: Hono, projection: ProjectionSpec): void {
  hono.get(`/${projection.name}/:key`, withParameters([MIN_POSITION], getRow(projection)))
  // A live projection stores no rows, so there is no list and nothing to follow.
  if (projection.live) return
  hono.get(`/${projection.name}/:key/events`, withParameters([], rowEvents(projection)))
  hono.get(`/${projection.name}`, listRows(projection))
}
