// What operations share: parameters, headers, and names given once.
import type { z } from 'zod'
import { FILTER_VALUES_MAX } from '../events/filter.ts'
import { problems } from '../http/problem.ts'
import { inlineSchema, type Json, type SchemaRegistry } from './schemas.ts'

/** A document as far as it is written: its schemas, and the operation ids that are taken. */
export type Draft = { readonly schemas: SchemaRegistry; readonly ids: Set<string> }
export type Paths = Record<string, Json>

/** An operation's id, with a number behind it where another operation has it. */
export function unique({ ids }: Draft, wanted: string): string {
  let free = wanted
  for (let count = 2; ids.has(free); count++) free = `${wanted}${count}`
  ids.add(free)
  return free
}

/** A response; without a schema it has no body. */
export function answer(description: string, headers: Json, schema?: Json): Json {
  return { description, headers, ...(schema && { content: { 'application/json': { schema } } }) }
}

const text = { type: 'string' }
const whole = (minimum: number, rest: Json = {}): Json => ({ type: 'integer', minimum, ...rest })

/** A position of the log; behind a restore the number of the epoch stands before it. */
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

type ParameterName =
  | 'Id' | 'Stream' | 'Slug' | 'Version' | 'At' | 'After' | 'Limit' | 'IdempotencyKey' | 'IfMatch' | 'IfNoneMatch' | 'Cached'
  | 'Key' | 'MinPosition' | 'MinPositionInQuery' | 'Wait' | 'Position' | 'LastEventId' | 'Categories' | 'Types' | 'Streams' | 'Prefer'
  | 'CorrelationId' | 'CausationId' | 'TraceParent' | 'ScheduleAt' | 'CommandId' // biome-ignore format: one list

export const parameters: Readonly<Record<ParameterName, Json>> = {
  Id: parameterOf('path', 'id', { type: 'string', minLength: 1, maxLength: 200 }, 'The instance.'),
  Stream: parameterOf('path', 'stream', text, 'The stream of an instance: `category-instance`.'),
  Slug: parameterOf('path', 'slug', { type: 'string', enum: Object.keys(problems) }, 'The last step of a problem’s `type`.'),
  Version: parameterOf('query', 'version', whole(1), 'The state as it was at this version of the stream.'),
  At: parameterOf('query', 'at', { type: 'string', format: 'date-time' }, 'The state as it was at this time.'),
  After: parameterOf('query', 'after', whole(0, { default: 0 }), 'Only events behind this version.'),
  Position: parameterOf('query', 'after', text, 'Only events behind this position: the id of an event. Default: from now on.'),
  LastEventId: parameterOf('header', 'Last-Event-ID', text, 'The id that a client had last; it counts more than `after`.'),
  Categories: several('category', 'Only events of these categories.'),
  Types: several('type', 'Only events of these types, bare (`Placed`) or with their category (`order.Placed`).'),
  Streams: { ...several('stream', 'Only events of these streams.'), explode: true },
  Limit: parameterOf('query', 'limit', whole(1, { maximum: 1_000, default: 100 }), 'How many events at most.'),
  IdempotencyKey: parameterOf(
    'header',
    'Idempotency-Key',
    { type: 'string', minLength: 1, maxLength: 255 },
    'The same command with the same key has one effect and one answer, for 24 hours.',
  ),
  IfMatch: parameterOf('header', 'If-Match', text, 'The version the stream must be at, as an ETag: `"17"`; `*`: it must exist.'),
  IfNoneMatch: parameterOf('header', 'If-None-Match', text, '`*`: the stream must not exist yet.'),
  Cached: parameterOf('header', 'If-None-Match', text, 'ETags the client has: 304 where one is still right.'),
  Key: parameterOf('path', 'key', { type: 'string', minLength: 1 }, 'The key of a row.'),
  MinPosition: parameterOf(
    'header',
    'Min-Position',
    position,
    'The answer includes all up to this `Event-Position`, and is waited for.',
  ),
  MinPositionInQuery: parameterOf(
    'query',
    'min-position',
    position,
    'The same as `Min-Position`, where shared caches are in between.',
  ),
  Wait: parameterOf('header', 'Prefer', text, '`wait=5`: how many seconds to wait for `Min-Position`, at most 30. Default: 1.'),
  Prefer: parameterOf(
    'header',
    'Prefer',
    text,
    '`return=minimal` answers without a body, `return=representation` with the exposed state beside the events; `respond-async` answers 202 as soon as the command is durable, before it is decided.',
  ),
  ScheduleAt: parameterOf(
    'header',
    'Schedule-At',
    { type: 'string', format: 'date-time' },
    'When the command is to be sent: 202 is answered once that is durable.',
  ),
  CommandId: parameterOf('path', 'id', text, 'The last step of `Location`.'),
  CorrelationId: parameterOf(
    'header',
    'X-Correlation-Id',
    text,
    'Stored with the events as `meta.correlation`. Default: the request’s id.',
  ),
  CausationId: parameterOf(
    'header',
    'X-Causation-Id',
    text,
    'Stored with the events as `meta.causation`. Default: the request’s id.',
  ),
  TraceParent: parameterOf('header', 'traceparent', text, 'The W3C trace context; stored with the events as `meta.traceparent`.'),
}

const headerOf = (schema: Json, description: string): Json => ({ description, schema })

export type HeaderName =
  | 'ETag' | 'Event-Position' | 'Location' | 'Idempotency-Replayed' | 'Preference-Applied' | 'Retry-After' | 'X-Request-Id'
  | 'Link' | 'WWW-Authenticate' | 'Row-Parked' | 'Row-Frozen' | 'Cache-Status' | 'Age' | 'CDN-Cache-Control' | 'Surrogate-Key' | 'Cache-Tag' // biome-ignore format: one list

export const headers: Readonly<Record<HeaderName, Json>> = {
  ETag: headerOf(text, 'Names what is answered. Of a command and of a state: the version of the stream, `"17"`.'),
  'Event-Position': headerOf(position, 'The place in the log that this includes; as `Min-Position` the next answer does too.'),
  Location: headerOf({ type: 'string', format: 'uri-reference' }, 'The instance that was created.'),
  'Idempotency-Replayed': headerOf({ type: 'string', enum: ['true'] }, 'It was answered before, with the same key.'),
  'Preference-Applied': headerOf(text, 'The preference that was followed.'),
  'Retry-After': headerOf(whole(1), 'Seconds to wait.'),
  'X-Request-Id': headerOf(text, 'Names this request in logs and, by default, in the events it led to.'),
  Link: headerOf(text, 'The next page, with `rel="next"`.'),
  'WWW-Authenticate': headerOf(text, 'How to say who asks.'),
  'Row-Parked': headerOf(
    position,
    'What happened from here on may be missing: the row, one of the rows, or a stream has stopped at this event.',
  ),
  'Row-Frozen': headerOf(
    position,
    'The rows are those of an older version, as they were here: they are not folded on while a newer one is made.',
  ),
  'Cache-Status': headerOf(text, 'Whether it was kept (RFC 9211): `emaki; hit` or `emaki; fwd=miss`.'),
  Age: headerOf(whole(0), 'How long ago it was made, in seconds.'),
  'CDN-Cache-Control': headerOf(text, 'How long a CDN may keep it (RFC 9213).'),
  'Surrogate-Key': headerOf(text, 'Names by which it is purged, with spaces in between.'),
  'Cache-Tag': headerOf(text, 'Names by which it is purged, with commas in between.'),
}

/** References to headers; every response names its request. */
export function headerRefs(...names: readonly HeaderName[]): Json {
  return Object.fromEntries([...names, 'X-Request-Id'].map(name => [name, { $ref: `#/components/headers/${name}` }]))
}

/** References to parameters. */
export function parameterRefs(...names: readonly ParameterName[]): readonly Json[] {
  return names.map(name => ({ $ref: `#/components/parameters/${name}` }))
}

/** What a query string may hold, by a schema. */
export function queryParameters(draft: Draft, name: string, schema: z.ZodObject): readonly Json[] {
  const { properties = {}, required = [] } = inlineSchema(draft.schemas, name, schema) as {
    readonly properties?: Readonly<Record<string, Json>>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) && { required: true }),
    ...(description !== undefined && { description }),
    schema,
  }))
}

/** `stock_item` and `stock-item` as `StockItem`. */
export function pascal(name: string): string {
  return name.replaceAll(/(?:^|[_-]+)([a-z0-9]?)/gi, (_, first: string) => first.toUpperCase())
}
