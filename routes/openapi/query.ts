// The operation of a query, and its answers.
import { z } from 'zod'
import type { QuerySpec } from '../../src/definitions/query.ts'
import { FRESH } from './projection.ts'
import { refusalRefs, ruleRefs } from './refusals.ts'
import { add } from './schemas.ts'
import {
  answer,
  parameterRefs,
  type Draft,
  type HeaderName,
  headerRefs,
  type Paths,
  pascal,
  queryParameters,
  unique,
} from './shared.ts'

/** The operation of a query. */
export function queryPaths({ name, params, answer: schema, cache }: QuerySpec, draft: Draft): Paths {
  const headers = headerRefs(
    'ETag',
    'Event-Position',
    'Preference-Applied',
    'Row-Parked',
    'Row-Frozen',
    ...(cache ? KEPT : []),
    ...(cache?.public ? SHARED : []),
  )
  const operation = {
    operationId: unique(draft, `ask${pascal(name)}`),
    summary: 'Query',
    ...(params.description !== undefined && { description: params.description }),
    tags: [name],
    parameters: [...queryParameters(draft, `${pascal(name)}Parameters`, params), ...parameterRefs(...FRESH)],
    responses: {
      200: answer(
        'The answer; null if there is none.',
        headers,
        add(draft.schemas, `${pascal(name)}Answer`, schema ?? z.unknown()),
      ),
      304: answer('The client already has the answer.', headers),
      ...refusalRefs('BadRead', 'UnknownPosition', 'Internal', 'Behind'),
      ...ruleRefs(draft.access.query(name), 'NotFound'),
    },
  }
  return { [`/${name}`]: { get: operation } }
}

const KEPT: readonly HeaderName[] = ['Cache-Status', 'Age']
const SHARED: readonly HeaderName[] = ['CDN-Cache-Control', 'Surrogate-Key', 'Cache-Tag']
