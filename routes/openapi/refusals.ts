// A response for each refusal, from the catalogue of problems.
import { z } from 'zod'
import type { Rule } from '../../src/definitions/access/allow.ts'
import { problems, problemType, type Slug } from '../http/problem.ts'
import { checks, openFailures, stallEpisodes } from './checks.ts'
import { type Json, refTo } from './schemas.ts'
import { type HeaderName, headerRefs } from './shared.ts'

/** A refusal. `responseAt`: its response in an app at a base path. */
type Refusal = { readonly status: number; readonly responseAt: (base: string) => Json }
type RefusalName =
  | 'BadCommand' | 'BadQuery' | 'Unauthenticated' | 'Forbidden' | 'ActorRefused' | 'NoAccess' | 'NotFound' | 'StreamNotFound' | 'VersionConflict'
  | 'PreconditionFailed' | 'PayloadTooLarge' | 'UnsupportedMediaType' | 'Rejected' | 'Internal' | 'Unavailable' | 'Unconfirmed'
  | 'NotReady' | 'StorageFull' | 'BadRead' | 'RowNotFound' | 'UnknownPosition' | 'Behind' | 'BadFollower' | 'NoFollower' | 'NoRows' | 'CommandNotFound'
  | 'CommandBegun' // biome-ignore format: one list

/** Refusals by name: one for each status, and another one where routes use a status differently. */
export const refusals: Readonly<Record<RefusalName, Refusal>> = {
  BadCommand: refusal(['malformed-json', 'validation-failed', 'bad-header']),
  BadQuery: refusal(['validation-failed']),
  Unauthenticated: refusal(['unauthenticated'], 'WWW-Authenticate'),
  Forbidden: refusal(['forbidden']),
  ActorRefused: refusal(['actor-refused']),
  NoAccess: refusal(['forbidden', 'actor-refused']),
  NotFound: refusal(['not-found']),
  StreamNotFound: refusal(['stream-not-found']),
  VersionConflict: refusal(['version-conflict']),
  UnknownPosition: refusal(['unknown-position']),
  BadFollower: refusal(['validation-failed', 'bad-header']),
  PreconditionFailed: refusal(['precondition-failed'], 'ETag'),
  PayloadTooLarge: refusal(['payload-too-large']),
  UnsupportedMediaType: refusal(['unsupported-media-type']),
  Rejected: refusal(['command-rejected', 'idempotency-key-reused'], 'Idempotency-Replayed'),
  Internal: refusal(['internal']),
  Unavailable: refusal(['unavailable', 'stream-unreadable'], 'Retry-After'),
  Unconfirmed: refusal(['unavailable', 'outcome-unknown', 'too-early', 'stream-unreadable'], 'Retry-After'),
  NotReady: refusal(['not-ready'], 'Retry-After'),
  NoFollower: refusal(['unavailable', 'not-ready'], 'Retry-After'),
  NoRows: refusal(['behind', 'unavailable', 'not-ready'], 'Retry-After'),
  StorageFull: refusal(['storage-full'], 'Retry-After'),
  BadRead: refusal(['validation-failed', 'bad-header']),
  CommandNotFound: refusal(['command-not-found']),
  CommandBegun: refusal(['command-begun']),
  RowNotFound: refusal(['row-not-found'], 'Preference-Applied', 'Row-Parked', 'Row-Frozen'),
  Behind: refusal(['behind', 'parked', 'unavailable', 'stream-unreadable'], 'Retry-After', 'Preference-Applied', 'Row-Parked'),
}

/** References to refusals, by status. */
export function refusalRefs(...names: readonly RefusalName[]): Json {
  return Object.fromEntries(names.map(name => [refusals[name].status, { $ref: `#/components/responses/${name}` }]))
}

/** The refusals of an operation with a rule. `hidden`: what a caller gets that may not know of what it asks for. */
export function ruleRefs(rule: Rule<never>, hidden: RefusalName): Json {
  return rule === 'all' ? {} : refusalRefs('NoAccess', hidden)
}

function refusal(slugs: readonly [Slug, ...Slug[]], ...names: readonly HeaderName[]): Refusal {
  const { status } = problems[slugs[0]]
  return { status, responseAt: base => refusalResponse(base, status, slugs.map(exampleOf), names) }
}

/** A problem that a response shows. `extension`: the members that it has besides those of the catalogue. */
export type ProblemExample = { readonly name: string; readonly slug: Slug; readonly extension?: Json }

export function exampleOf(slug: Slug): ProblemExample {
  return { name: slug, slug }
}

/** The response that has one of these problems, in an app at a base path. */
export function refusalResponse(
  base: string,
  status: number,
  shown: readonly ProblemExample[],
  names: readonly HeaderName[],
): Json {
  const type = { enum: [...new Set(shown.map(({ slug }) => problemType(slug, base)))] }
  const values = shown.map(({ slug, extension }) => {
    const { title } = problems[slug]
    return { type: problemType(slug, base), title, status, ...extension, instance: `${base}/` }
  })
  const examples = shown.map(({ name, slug }, i) => [name, { summary: problems[slug].fix, value: values[i] }])
  return {
    description: [...new Set(values.map(({ title }) => title))].join('; '),
    headers: headerRefs(...names),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: refTo('Problem') }, { properties: { type, status: { const: status } } }] },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

/** The schema of what a command expected of its stream. */
export function expectedSchema(): z.ZodType {
  const version = z.int().nonnegative()
  return z.union([version, z.array(version), z.literal(['exists', 'any'])])
}

/** The schema of every problem. `type` tells which problem it is, and which members it has. */
export function problemSchema(base: string): z.ZodType {
  return z.object({
    type: z
      .enum(Object.keys(problems).map(slug => problemType(slug, base)))
      .describe('The path of a page that tells how to fix the problem.'),
    title: z.string(),
    status: z.int().min(400).max(599),
    instance: z.string().describe('The path of the request.'),
    detail: z.string().optional(),
    code: z.string().optional().describe('The reason for a rejection, for programs.'),
    data: z.unknown().optional().describe('Details of a rejection.'),
    errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
    expected: expectedSchema().optional().describe('The version that was expected of the stream, or several.'),
    actual: z.int().nonnegative().optional().describe('The version that the stream has.'),
    retryable: z.boolean().optional(),
    limit: z.int().positive().optional().describe('The largest body, in bytes.'),
    requestId: z.string().optional(),
    projection: z.string().optional().describe('The projection whose rows are older than the request asks for.'),
    position: z.int().nonnegative().optional().describe('The position of these rows.'),
    lagEvents: z
      .int()
      .nonnegative()
      .optional()
      .describe('The most events between the rows and the position that the request asks for.'),
    checks: checks().optional().describe('The checks of an app that is not ready.'),
    failing: openFailures(),
    stalls: stallEpisodes(),
  })
}
