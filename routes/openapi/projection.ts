// The operations of a projection, and their answers.
import { z } from 'zod'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { listParameters } from '../rows/list-parameters.ts'
import { refusalRefs, ruleRefs } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { answer, parameterRefs, type Draft, headerRefs, type Paths, pascal, queryParameters, unique } from './shared.ts'

/** The operations of a projection: the row of a key, and lists of rows if it has indexes. */
export function projectionPaths(projection: ProjectionSpec, draft: Draft): Paths {
  const { name, live } = projection
  const row = add(draft.schemas, `${pascal(name)}Row`, shown(projection.row))
  return {
    [`/${name}/{key}`]: { get: rowOperation(projection, row, draft) },
    ...(!live && {
      [`/${name}`]: { get: listOperation(projection, draft) },
      [`/${name}/{key}/events`]: { get: followOperation(projection, row, draft) },
    }),
  }
}

function rowOperation({ name, live }: ProjectionSpec, row: Json, draft: Draft): Json {
  const headers = headerRefs(
    'ETag',
    'Event-Position',
    'Preference-Applied',
    ...(live ? [] : (['Row-Parked', 'Row-Frozen'] as const)),
  )
  return {
    operationId: unique(draft, `get${pascal(name)}`),
    summary: 'One row',
    description: live ? 'Folded from the log for each request.' : 'At least as new as `Min-Position`.',
    tags: [name],
    parameters: parameterRefs('Key', ...FRESH),
    responses: {
      200: answer('The row, with its key.', headers, row),
      304: answer('The client has it.', headers),
      ...refusalRefs('BadRead', 'RowNotFound', 'UnknownPosition', 'Internal', 'Behind'),
      ...ruleOf(name, draft, 'RowNotFound'),
    },
  }
}

function listOperation(projection: ProjectionSpec, draft: Draft): Json {
  const { name } = projection
  const { schema, lists } = listParameters(projection)
  const headers = headerRefs('ETag', 'Event-Position', 'Preference-Applied', 'Row-Parked', 'Row-Frozen')
  const page = z.object({
    items: z.array(shown(projection.row)),
    next: z.string().nullable().describe('`cursor` of the next page; null: this is the last.'),
    count: z.int().nonnegative().optional().describe('How many rows match, on all pages. Only with `count=true`.'),
    parked: z
      .literal(true)
      .optional()
      .describe('Rows may be missing, because they have stopped at an event that could not be folded. See `Row-Parked`.'),
    frozen: z
      .literal(true)
      .optional()
      .describe('The rows are of an older version and are no longer updated, while a newer version is made.'),
    position: z.int().nonnegative().describe('The position in the log that the rows include. Rows may be newer, never older.'),
  })
  return {
    operationId: unique(draft, `list${pascal(name)}`),
    summary: 'Rows',
    description:
      'Rows by conditions on indexes, all of which have to be met, page by page. A row that keeps its place in the order is on exactly one page.',
    tags: [name],
    parameters: [...queryParameters(draft, `${pascal(name)}List`, schema, lists), ...parameterRefs(...FRESH)],
    responses: {
      200: answer('A page.', headers, add(draft.schemas, `${pascal(name)}Page`, page)),
      304: answer('The client has it.', headers),
      ...refusalRefs('BadRead', 'UnknownPosition', 'Internal', 'Behind'),
      ...ruleOf(name, draft, 'NotFound'),
    },
  }
}

function followOperation({ name }: ProjectionSpec, row: Json, draft: Draft): Json {
  const schema = { type: 'string', contentMediaType: 'application/json', contentSchema: row }
  return {
    operationId: unique(draft, `follow${pascal(name)}`),
    summary: 'Follow one row',
    description:
      'Server-sent events: `row` with the row, now and after each change, and `deleted` with its key. `parked` with the key and the position of an event says that the row has stopped there, until the next `row` or `deleted`. The `id` of each event is a position. After the last id, a client gets the changes since then.',
    tags: [name],
    parameters: parameterRefs('Key', 'LastEventId'),
    responses: {
      200: {
        description: 'The row, until the client leaves.',
        headers: headerRefs(),
        content: { 'text/event-stream': { schema } },
      },
      ...refusalRefs('BadFollower', 'RowNotFound', 'UnknownPosition', 'Internal', 'NoRows'),
      ...ruleOf(name, draft, 'RowNotFound'),
    },
  }
}

/** The refusals by the rules of a projection, of which `visible` is one. */
function ruleOf(name: string, { access }: Draft, hidden: 'RowNotFound' | 'NotFound'): Json {
  return ruleRefs(access.visible(name) ? () => false : access.row(name), hidden)
}

/** The parameters that tell how new an answer has to be. */
export const FRESH = ['MinPosition', 'MinPositionInQuery', 'Wait', 'Cached'] as const

/** A row as an answer shows it: its key first. */
function shown(row: z.ZodType): z.ZodType {
  const key = z.string().describe('The key of the row.')
  // zod types a wrapped or united schema as a type of its core; it is a schema.
  if (row instanceof z.ZodReadonly) return shown(row.unwrap() as z.ZodType)
  if (row instanceof z.ZodUnion) return z.union((row.options as readonly z.ZodType[]).map(shown))
  return row instanceof z.ZodObject ? z.object({ key, ...row.shape }) : z.intersection(z.object({ key }), row)
}
