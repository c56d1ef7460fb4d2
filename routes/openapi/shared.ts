// Parts that operations share: parameters, headers, and unique names.
import { LEVELS } from '../../src/ports/report/record.ts'
import type { Access } from '../../src/definitions/access/access.ts'
import type { z } from 'zod'
import { NAME_LENGTH_MAX } from '../../src/definitions/event/names.ts'
import { FILTER_VALUES_MAX } from '../../src/ports/store/event-filter.ts'
import { problems } from '../http/problem.ts'
import { inlineSchema, type Json, type SchemaRegistry } from './schemas.ts'

/**
 * A document while it is written: where the app is mounted, its schemas, the operation ids in use, and the rules of the
 * app, whose refusals are answers too.
 */
export type Draft = {
  readonly base: string
  readonly schemas: SchemaRegistry
  readonly ids: Set<string>
  readonly access: Access
}
export type Paths = Record<string, Json>

/** Gives an operation its id. If another operation has the id, a number is added to it. */
export function unique({ ids }: Draft, wanted: string): string {
  let free = wanted
  for (let count = 2; ids.has(free); count++) free = `${wanted}${count}`
  ids.add(free)
  return free
}

/** A response. Without a schema it has no body. */
export function answer(description: string, headers: Json, schema?: Json): Json {
  return { description, headers, ...(schema && { content: { 'application/json': { schema } } }) }
}

const text = { type: 'string' }
const name = { type: 'string', minLength: 1, maxLength: NAME_LENGTH_MAX }
const whole = (minimum: number, rest: Json = {}): Json => ({ type: 'integer', minimum, ...rest })

/** A position of the log. After a restore, the number of the epoch stands before it. */
const position: Json = { type: 'string', pattern: String.raw`^([1-9][0-9]{0,8}\.)?(0|[1-9][0-9]{0,15})$` }

type Place = 'header' | 'query' | 'path'
const parameterOf = (place: Place, name: string, schema: Json, description: string): Json => ({
  name,
  in: place,
  ...(place === 'path' && { required: true }),
  description,
  schema,
})

const several = (name: string, description: string): Json => ({
  ...parameterOf('query', name, { type: 'array', items: text, maxItems: FILTER_VALUES_MAX }, description),
  explode: false,
})

export type ParameterName =
  | 'Id' | 'Stream' | 'Slug' | 'Version' | 'At' | 'After' | 'Before' | 'Order' | 'StreamTypes' | 'Limit' | 'IdempotencyKey' | 'IfMatch' | 'IfNoneMatch' | 'Cached'
  | 'Key' | 'MinPosition' | 'MinPositionInQuery' | 'Wait' | 'Position' | 'LastEventId' | 'Categories' | 'Types' | 'Streams' | 'Correlations' | 'Prefer'
  | 'CorrelationId' | 'CausationId' | 'TraceParent' | 'Baggage' | 'ScheduleAt' | 'CommandId' | 'Verbose' | 'RecordLevel' | 'RecordCode' | 'RecordCorrelation' | 'RecordLevels' | 'RecordLevelsFor' // biome-ignore format: one list

export const parameters: Readonly<Record<ParameterName, Json>> = {
  Id: parameterOf('path', 'id', name, 'The instance.'),
  Stream: parameterOf('path', 'stream', text, 'The stream of an instance: `category-instance`.'),
  Slug: parameterOf('path', 'slug', { type: 'string', enum: Object.keys(problems) }, 'The last step of a problem’s `type`.'),
  Version: parameterOf('query', 'version', whole(1), 'The state as it was at this version of the stream.'),
  At: parameterOf('query', 'at', { type: 'string', format: 'date-time' }, 'The state as it was at this time.'),
  After: parameterOf('query', 'after', whole(0, { default: 0 }), 'Only events after this version.'),
  Before: parameterOf('query', 'before', whole(1), 'Only events before this version.'),
  Order: parameterOf('query', 'order', { enum: ['asc', 'desc'], default: 'asc' }, '`desc`: the newest events first.'),
  StreamTypes: several('type', 'Only events of these types. With `order=desc&limit=1` it is the last event of a type.'),
  Position: parameterOf(
    'query',
    'after',
    text,
    'Only events after this position, which is the id of an event. Default: from now on.',
  ),
  LastEventId: parameterOf('header', 'Last-Event-ID', text, 'The last id that the client received. It counts more than `after`.'),
  Categories: several('category', 'Only events of these categories.'),
  Types: several('type', 'Only events of these types, bare (`Placed`) or with their category (`order.Placed`).'),
  Streams: { ...several('stream', 'Only events of these streams.'), explode: true },
  Correlations: {
    ...several('correlation', 'Only events of these correlations, such as all that one request led to.'),
    explode: true,
  },
  RecordLevel: parameterOf('query', 'level', { enum: LEVELS, default: 'debug' }, 'Only records of this level and above.'),
  RecordCode: parameterOf('query', 'code', text, 'Only records of these codes, or whose code begins so, with commas: `retry`.'),
  RecordCorrelation: parameterOf('query', 'correlation', text, 'Only records of this correlation.'),
  RecordLevels: {
    ...parameterOf('query', 'levels', text, 'What to print, as LOG_LEVEL takes it: `info,request=debug`.'),
    required: true,
  },
  RecordLevelsFor: parameterOf('query', 'for', text, 'For how long, such as `10 minutes`. Default: until the process ends.'),
  Verbose: {
    ...parameterOf('query', 'verbose', { type: 'string' }, 'Every part of the app. It is for those who may read the log.'),
    allowEmptyValue: true,
  },
  Limit: parameterOf('query', 'limit', whole(1, { maximum: 1_000, default: 100 }), 'The most events on a page.'),
  IdempotencyKey: parameterOf(
    'header',
    'Idempotency-Key',
    name,
    'For 24 hours, the same command with the same key has one effect and one answer.',
  ),
  IfMatch: parameterOf(
    'header',
    'If-Match',
    text,
    'The version that the stream must have, as an ETag: `"17"`. Of several, `"17", "18"`, it must have one. `*`: the stream must exist.',
  ),
  IfNoneMatch: parameterOf('header', 'If-None-Match', text, '`*`: the stream must not exist yet.'),
  Cached: parameterOf(
    'header',
    'If-None-Match',
    text,
    'The ETags that the client has. The answer is 304 if one of them is still current.',
  ),
  Key: parameterOf('path', 'key', name, 'The key of a row.'),
  MinPosition: parameterOf(
    'header',
    'Min-Position',
    position,
    'The answer has to include all events up to this `Event-Position`. The request waits for it.',
  ),
  MinPositionInQuery: parameterOf(
    'query',
    'min-position',
    position,
    'The same as `Min-Position`, for requests through shared caches.',
  ),
  Wait: parameterOf(
    'header',
    'Prefer',
    text,
    '`wait=5`: how many seconds to wait for `Min-Position`, at most 30. Default: 1. `complete`: refuse an answer that may lack parked rows.',
  ),
  Prefer: parameterOf(
    'header',
    'Prefer',
    text,
    '`return=minimal`: an answer without a body. `return=representation`: the exposed state beside the events. `respond-async`: 202 once the command is durable, before it is decided.',
  ),
  ScheduleAt: parameterOf(
    'header',
    'Schedule-At',
    { type: 'string', format: 'date-time' },
    'The time at which to send the command, with its zone, at most 100 years ahead. The answer is 202 once the command is durable.',
  ),
  CommandId: parameterOf('path', 'id', text, 'The last step of `Location`.'),
  CorrelationId: parameterOf(
    'header',
    'X-Correlation-Id',
    name,
    'Stored with the events as `meta.correlation`. Default: the request’s id.',
  ),
  CausationId: parameterOf(
    'header',
    'X-Causation-Id',
    name,
    'Stored with the events as `meta.causation`. Default: the request’s id.',
  ),
  TraceParent: parameterOf('header', 'traceparent', text, 'The W3C trace context; stored with the events as `meta.traceparent`.'),
  Baggage: parameterOf(
    'header',
    'baggage',
    text,
    'The W3C baggage, of at most 8192 characters and 64 members. It goes with what the events lead to; it is not stored.',
  ),
}

const headerOf = (schema: Json, description: string): Json => ({ description, schema })

export type HeaderName =
  | 'ETag' | 'Event-Position' | 'Location' | 'Idempotency-Replayed' | 'Preference-Applied' | 'Retry-After' | 'X-Request-Id'
  | 'Link' | 'WWW-Authenticate' | 'Row-Parked' | 'Row-Frozen' | 'Cache-Status' | 'Age' | 'CDN-Cache-Control' | 'Surrogate-Key' | 'Cache-Tag' // biome-ignore format: one list

export const headers: Readonly<Record<HeaderName, Json>> = {
  ETag: headerOf(text, 'The version of the answer. For a command and a state it is the version of the stream, `"17"`.'),
  'Event-Position': headerOf(
    position,
    'The position in the log that the answer includes. Send it as `Min-Position`, and the next answer includes it too.',
  ),
  Location: headerOf({ type: 'string', format: 'uri-reference' }, 'The instance that was created.'),
  'Idempotency-Replayed': headerOf(
    { type: 'string', enum: ['true'] },
    'A command with the same key was answered before; this is its answer.',
  ),
  'Preference-Applied': headerOf(text, 'The preference that was followed.'),
  'Retry-After': headerOf(whole(1), 'Seconds to wait.'),
  'X-Request-Id': headerOf(text, 'The id of the request in logs and, by default, in its events.'),
  Link: headerOf(text, 'The next page, with `rel="next"`.'),
  'WWW-Authenticate': headerOf(text, 'The kind of credentials that the app expects.'),
  'Row-Parked': headerOf(
    position,
    'The row has stopped at the event of this position. In a list or a query: rows are left out, the first of which has stopped there. `Prefer: complete` refuses such an answer.',
  ),
  'Row-Frozen': headerOf(
    position,
    'The rows are of an older version and stopped at this position. They are not updated while a newer version is made.',
  ),
  'Cache-Status': headerOf(text, 'Whether a cache had the answer (RFC 9211): `emaki; hit` or `emaki; fwd=miss`.'),
  Age: headerOf(whole(0), 'The age of the answer, in seconds.'),
  'CDN-Cache-Control': headerOf(text, 'How long a CDN may keep the answer (RFC 9213).'),
  'Surrogate-Key': headerOf(text, 'The tags by which a CDN purges the answer, with spaces in between.'),
  'Cache-Tag': headerOf(text, 'The tags by which a CDN purges the answer, with commas in between.'),
}

/** References to headers. Every response has the id of its request. */
export function headerRefs(...names: readonly HeaderName[]): Json {
  return Object.fromEntries([...names, 'X-Request-Id'].map(name => [name, { $ref: `#/components/headers/${name}` }]))
}

/** References to parameters. */
export function parameterRefs(...names: readonly ParameterName[]): readonly Json[] {
  return names.map(name => ({ $ref: `#/components/parameters/${name}` }))
}

/** The parameters of a query string, by a schema. `lists`: those that are lists with commas. */
export function queryParameters(
  draft: Draft,
  name: string,
  schema: z.ZodObject,
  lists: ReadonlyMap<string, unknown> = new Map(),
): readonly Json[] {
  const { properties = {}, required = [] } = inlineSchema(draft.schemas, name, schema) as {
    readonly properties?: Readonly<Record<string, Json>>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) && { required: true }),
    ...(description !== undefined && { description }),
    ...(lists.has(name) && { explode: false }),
    schema,
  }))
}

/** Turns `stock_item` and `stock-item` into `StockItem`. */
export function pascal(name: string): string {
  return name.replaceAll(/(?:^|[_-]+)([a-z0-9]?)/gi, (_, first: string) => first.toUpperCase())
}
