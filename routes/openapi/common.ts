// What a client may ask of every app: streams, health, and what a problem means.
import { z } from 'zod'
import { checks } from './checks.ts'
import { add, type Json } from './schemas.ts'
import { refused } from './refusals.ts'
import { answer, asked, type Draft, headed, type Paths, unique } from './shared.ts'

/** The operations of every app. `security`: what OpenAPI asks for of who reads streams; empty: nothing. */
export function commonPaths(draft: Draft, security: readonly Json[]): Paths {
  const { schemas } = draft
  const health = add(schemas, 'Health', z.object({ status: z.literal('pass') }))
  const ready = add(schemas, 'Ready', z.object({ status: z.literal('pass'), checks: checks() }))
  const asks = (id: string, summary: string, schema: Json, refusals: Json): Json => ({
    get: {
      operationId: unique(draft, id),
      summary,
      tags: ['health'],
      responses: { 200: answer('Yes.', headed(), schema), ...refusals },
    },
  })
  return {
    '/streams/{stream}': { get: streamOperation(draft, security) },
    '/health': asks('getHealth', 'Can the process answer?', health, {}),
    '/ready': asks('getReadiness', 'Can it serve?', ready, refused('NotReady')),
    '/startup': asks('getStartup', 'Has it started?', ready, refused('NotReady')),
    '/problems/{slug}': { get: problemOperation(draft) },
  }
}

function streamOperation(draft: Draft, security: readonly Json[]): Json {
  const page = add(draft.schemas, 'StreamPage', streamPage())
  return {
    operationId: unique(draft, 'readStream'),
    summary: 'Read a stream',
    description: 'History, page by page, as it was appended. A full page never changes.',
    tags: ['streams'],
    security,
    parameters: asked('Stream', 'After', 'Limit', 'Cached'),
    responses: {
      200: answer('A page.', headed('ETag', 'Link'), page),
      304: answer('The client has it.', headed('ETag')),
      ...refused('BadQuery', 'StreamNotFound', 'Internal', 'Unavailable'),
      ...(security.length > 0 && refused('Unauthenticated', 'Forbidden')),
    },
  }
}

function problemOperation(draft: Draft): Json {
  const entry = z.object({ type: z.string(), status: z.int().min(400).max(599), title: z.string(), mend: z.string() })
  return {
    operationId: unique(draft, 'getProblem'),
    summary: 'What a problem means',
    tags: ['problems'],
    parameters: asked('Slug'),
    responses: {
      200: answer('What it means, and how to mend it.', headed(), add(draft.schemas, 'ProblemPage', entry)),
      ...refused('NotFound'),
    },
  }
}

function streamPage(): z.ZodType {
  const version = z.int().positive()
  const meta = z.looseObject({
    schema: z.string().describe('The fingerprint of the schema that wrote it.'),
    correlation: z.string(),
    causation: z.string(),
    traceparent: z.string().optional(),
    actor: z.string().optional(),
  })
  const event = z.object({
    id: z.string(),
    type: z.string(),
    data: z.unknown().describe('As it was appended, by whatever release.'),
    version,
    position: z.int().positive(),
    at: z.string().meta({ format: 'date-time' }),
    meta,
  })
  return z.object({ stream: z.string(), version, events: z.array(event), next: z.string().nullable().describe('The next page.') })
}
