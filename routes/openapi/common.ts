// The operations that every app has: streams, events, health, and the pages of problems.
import { z } from 'zod'
import { readyAnswer } from './checks.ts'
import { add, type Json } from './schemas.ts'
import { refusalRefs } from './refusals.ts'
import { scheduledPath } from './scheduled.ts'
import { answer, parameterRefs, type Draft, headerRefs, type ParameterName, type Paths, unique } from './shared.ts'

/** The operations of every app. `security`: the credentials that reading streams needs; empty: none. */
export function commonPaths(draft: Draft, security: readonly Json[], hasCommands: boolean): Paths {
  const { schemas } = draft
  const health = add(schemas, 'Health', z.object({ status: z.literal('pass') }))
  const ready = add(schemas, 'Ready', readyAnswer())
  const asks = (id: string, summary: string, schema: Json, refusals: Json, more: Json = {}): Json => ({
    get: {
      operationId: unique(draft, id),
      summary,
      tags: ['health'],
      ...more,
      responses: { 200: answer('Yes.', headerRefs(), schema), ...refusals },
    },
  })
  const detailRefusals = refusalRefs('NotReady', ...(security.length > 0 ? (['Unauthenticated', 'Forbidden'] as const) : []))
  return {
    '/streams/{stream}': { get: streamOperation(draft, security) },
    ...(hasCommands && { '/commands/{id}': scheduledPath(draft) }),
    '/events': { get: eventsOperation(draft, security) },
    '/logs': { get: logsOperation(draft, security) },
    '/logs/levels': levelsPath(draft, security),
    '/health': asks('getHealth', 'Whether the process answers', health, {}),
    '/ready': asks('getReadiness', 'Whether the app can serve', ready, detailRefusals, { parameters: parameterRefs('Verbose') }),
    '/startup': asks('getStartup', 'Whether the app has started', ready, refusalRefs('NotReady')),
    '/problems/{slug}': { get: problemOperation(draft) },
  }
}

function streamOperation(draft: Draft, security: readonly Json[]): Json {
  const page = add(draft.schemas, 'StreamPage', streamPage())
  return {
    operationId: unique(draft, 'readStream'),
    summary: 'Read a stream',
    description: 'The events of a stream, page by page, as they were appended. `next` leads to the next page in the same order.',
    tags: ['streams'],
    security,
    parameters: parameterRefs('Stream', 'After', 'Before', 'Order', 'StreamTypes', 'Limit', 'Cached'),
    responses: {
      200: answer('A page.', headerRefs('ETag', 'Link'), page),
      304: answer('The client already has the page.', headerRefs('ETag')),
      ...refusalRefs('BadQuery', 'StreamNotFound', 'Internal', 'Unavailable'),
      ...(security.length > 0 && refusalRefs('Unauthenticated', 'Forbidden')),
    },
  }
}

function eventsOperation(draft: Draft, security: readonly Json[]): Json {
  const event = add(draft.schemas, 'CloudEvent', cloudEvent())
  const description = `Server-sent events. The \`data\` of each is a CloudEvent 1.0.2 in JSON, its \`id\` the position. A client that sends
its last id gets the events after it, each once and in order. An \`id\` without an event moves the position on
when events do not pass the filter.
The same over a WebSocket, with the same parameters and the sub-protocol \`cloudevents.json\`.`
  return {
    operationId: unique(draft, 'followEvents'),
    summary: 'Follow events',
    description,
    tags: ['events'],
    security,
    parameters: parameterRefs('Position', 'LastEventId', 'Categories', 'Types', 'Streams', 'Correlations'),
    responses: {
      200: {
        description: 'Events, until the client leaves.',
        headers: headerRefs(),
        content: {
          'text/event-stream': { schema: { type: 'string', contentMediaType: 'application/json', contentSchema: event } },
        },
      },
      ...refusalRefs('BadFollower', 'UnknownPosition', 'Internal', 'NoFollower'),
      ...(security.length > 0 && refusalRefs('Unauthenticated', 'Forbidden')),
    },
  }
}

function logsOperation(draft: Draft, security: readonly Json[]): Json {
  const record = add(draft.schemas, 'LogRecord', logRecord())
  return {
    operationId: unique(draft, 'readRecords'),
    summary: 'The last records of this process',
    description: 'JSON lines of the records that the process still has. As server-sent events also those to come.',
    tags: ['health'],
    security,
    parameters: parameterRefs('RecordLevel', 'RecordCode', 'RecordCorrelation'),
    responses: {
      200: {
        description: 'The records, the oldest first.',
        headers: headerRefs(),
        content: {
          'application/jsonl': { schema: { type: 'string' } },
          'text/event-stream': { schema: { type: 'string', contentMediaType: 'application/json', contentSchema: record } },
        },
      },
      ...refusalRefs('BadQuery', 'NotReady'),
      ...(security.length > 0 && refusalRefs('Unauthenticated', 'Forbidden')),
    },
  }
}

function levelsPath(draft: Draft, security: readonly Json[]): Json {
  const schema = add(draft.schemas, 'Levels', levelsAnswer())
  const operation = (id: string, summary: string, ...parameters: ParameterName[]): Json => ({
    operationId: unique(draft, id),
    summary,
    tags: ['health'],
    security,
    ...(parameters.length > 0 && { parameters: parameterRefs(...parameters) }),
    responses: {
      200: answer('The levels from now on.', headerRefs(), schema),
      ...refusalRefs('BadQuery', 'NotFound'),
      ...refusalRefs('Forbidden', ...(security.length > 0 ? (['Unauthenticated'] as const) : [])),
    },
  })
  return {
    get: operation('getLevels', 'Which records this process prints'),
    put: operation('setLevels', 'Print other records', 'RecordLevels', 'RecordLevelsFor'),
    delete: operation('resetLevels', 'Print the records of LOG_LEVEL again'),
  }
}

function levelsAnswer(): z.ZodType {
  return z.object({
    levels: z.string().describe('As LOG_LEVEL takes them.'),
    configured: z.string().describe('Those of LOG_LEVEL.'),
    until: z.string().meta({ format: 'date-time' }).nullable().describe('When those of LOG_LEVEL come back by themselves.'),
  })
}

function logRecord(): z.ZodType {
  return z.looseObject({
    timestamp: z.string().meta({ format: 'date-time' }),
    severityText: z.enum(['DEBUG', 'INFO', 'WARN', 'ERROR']),
    severityNumber: z.int().positive(),
    body: z.string().describe('What happened, for people.'),
    code: z.string().describe('What happened, for programs.'),
  })
}

function cloudEvent(): z.ZodType {
  return z.object({
    specversion: z.literal('1.0'),
    id: z.string(),
    source: z.string().describe('The log.'),
    type: z.string().describe('With its category: `order.Placed`.'),
    subject: z.string().describe('The stream.'),
    time: z.string().meta({ format: 'date-time' }),
    datacontenttype: z.literal('application/json'),
    data: z.unknown().describe('As it was appended, by whatever release.'),
    globalposition: z.string().describe('The position in the log.'),
    partitionkey: z.string().describe('The stream.'),
    streamversion: z.int().positive().describe('The version in the stream.'),
    schemaversion: z.string().describe('The fingerprint of the schema that wrote it.'),
    correlationid: z.string().optional(),
    causationid: z.string().optional(),
    traceparent: z.string().optional(),
    actor: z.string().optional(),
    initiator: z.string().optional().describe('The caller behind a process or a processor.'),
    custommeta: z.string().optional().describe('Metadata of the app’s own, as JSON text.'),
  })
}

function problemOperation(draft: Draft): Json {
  const entry = z.object({ type: z.string(), status: z.int().min(400).max(599), title: z.string(), fix: z.string() })
  return {
    operationId: unique(draft, 'getProblem'),
    summary: 'The meaning of a problem',
    tags: ['problems'],
    parameters: parameterRefs('Slug'),
    responses: {
      200: answer('The meaning of the problem, and how to fix it.', headerRefs(), add(draft.schemas, 'ProblemPage', entry)),
      ...refusalRefs('BadQuery', 'NotFound'),
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
    initiator: z.string().optional().describe('The caller behind a process or a processor.'),
    occurredAt: z.string().meta({ format: 'date-time' }).optional(),
    custom: z.record(z.string(), z.unknown()).optional().describe('Metadata of the app’s own.'),
    history: z.literal(true).optional().describe('An import brought it, and no process acts on it.'),
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
