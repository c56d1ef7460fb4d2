// What a client may ask of a projection's rows, and what it may be answered.
import { z } from 'zod'
import type { ProjectionSpec } from '../../src/definitions/projection/projection.ts'
import { listParameters } from '../http/parameters.ts'
import { refusalRefs } from './refusals.ts'
import { add, type Json } from './schemas.ts'
import { answer, parameterRefs, type Draft, headerRefs, type Paths, pascal, queryParameters, unique } from './shared.ts'

/** The operations of a projection: the row of a key, and rows by the values of indexes where it keeps any. */
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
    description: live ? 'Folded from the log when it is asked for.' : 'As new as `Min-Position` asks for.',
    tags: [name],
    parameters: parameterRefs('Key', ...FRESH),
    responses: {
      200: answer('The row, with its key.', headers, row),
      304: answer('The client has it.', headers),
      ...refusalRefs('BadRead', 'RowNotFound', 'UnknownPosition', 'Internal', 'Behind'),
    },
  }
}

function listOperation(projection: ProjectionSpec, draft: Draft): Json {
  const { name } = projection
  const headers = headerRefs('ETag', 'Event-Position', 'Preference-Applied', 'Row-Parked', 'Row-Frozen')
  const page = z.object({
    items: z.array(shown(projection.row)),
    next: z.string().nullable().describe('`cursor` of the next page; null: this is the last.'),
    count: z.int().nonnegative().optional().describe('How many rows match, on all pages; where it was asked for.'),
    parked: z.array(z.string()).optional().describe('Keys of rows on this page that stopped at an event they cannot take.'),
    frozen: z.literal(true).optional().describe('These are rows of an older version, as they were: a newer one is being made.'),
    position: z.int().nonnegative().describe('How far the log is in it: rows may be newer, never older.'),
  })
  return {
    operationId: unique(draft, `list${pascal(name)}`),
    summary: 'Rows',
    description:
      'By the values of indexes, a page at a time. Going through the pages no row that stays in its place is missed or seen twice.',
    tags: [name],
    parameters: [...queryParameters(draft, `${pascal(name)}List`, listParameters(projection)), ...parameterRefs(...FRESH)],
    responses: {
      200: answer('A page.', headers, add(draft.schemas, `${pascal(name)}Page`, page)),
      304: answer('The client has it.', headers),
      ...refusalRefs('BadRead', 'UnknownPosition', 'Internal', 'Behind'),
    },
  }
}

function followOperation({ name }: ProjectionSpec, row: Json, draft: Draft): Json {
  const schema = { type: 'string', contentMediaType: 'application/json', contentSchema: row }
  return {
    operationId: unique(draft, `follow${pascal(name)}`),
    summary: 'Follow one row',
    description:
      'Server-sent events: `row` with the row, now and whenever it changes, `deleted` with its key. The `id` of each is a position; whoever comes back with the last is told what changed since.',
    tags: [name],
    parameters: parameterRefs('Key', 'LastEventId'),
    responses: {
      200: {
        description: 'The row, for as long as the client stays.',
        headers: headerRefs(),
        content: { 'text/event-stream': { schema } },
      },
      ...refusalRefs('BadFollower', 'RowNotFound', 'UnknownPosition', 'Internal', 'NoRows'),
    },
  }
}

/** How new an answer has to be. */
export const FRESH = ['MinPosition', 'MinPositionInQuery', 'Wait', 'Cached'] as const

/** A row as it is shown: its key first. */
function shown(row: z.ZodType): z.ZodType {
  const key = z.string().describe('The key of the row.')
  // What zod wraps and unites is schemas, by types of zod's core.
  if (row instanceof z.ZodReadonly) return shown(row.unwrap() as z.ZodType)
  if (row instanceof z.ZodUnion) return z.union((row.options as readonly z.ZodType[]).map(shown))
  return row instanceof z.ZodObject ? z.object({ key, ...row.shape }) : z.intersection(z.object({ key }), row)
}
